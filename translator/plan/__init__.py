"""The Plan: what will run, fully resolved. The only thing that executors read."""
