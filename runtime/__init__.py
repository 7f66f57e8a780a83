"""What runs beside a user's program: moving its data, and, in a pod, the wrapper (Go) and the sidecar."""
