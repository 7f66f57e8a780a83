"""Sandboxes by bubblewrap: a copy-on-write, or else read-only, view of this machine for each attempt of a task."""
