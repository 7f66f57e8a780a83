"""Templates: merging and rendering of what administrators write, and the sandbox for what users write."""
