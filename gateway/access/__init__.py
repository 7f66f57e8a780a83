"""Tries out whether credentials open what they should."""
