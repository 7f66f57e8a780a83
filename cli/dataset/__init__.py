"""`argosmo dataset`: names and versions from the server, files to and from object stores with this machine's keys."""
