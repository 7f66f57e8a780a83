"""What is true of a workflow and what must be done next, decided from facts; no clock, no effect of its own."""
