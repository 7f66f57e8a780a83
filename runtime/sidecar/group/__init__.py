"""How the sidecars of a group act together: the lead's coordinates, the others report to it. Source: design §6."""
