"""The sidecar of a pod: it moves data, stores checkpoints, and keeps a group together. Always ends with 0."""
