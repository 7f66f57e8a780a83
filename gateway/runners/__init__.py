"""The implementations of the runner port."""
