"""The local engine: runs Plans on one machine with the rules of the cluster."""
