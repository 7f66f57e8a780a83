"""Encryption of what users store: the envelope, and the file of master keys."""
