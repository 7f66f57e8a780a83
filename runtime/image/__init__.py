"""Builds the image of wrapper and sidecar; plain Python, so that any machine can."""
