"""`argosmo data`: files to and from object stores with the keys of this machine, without a server."""
