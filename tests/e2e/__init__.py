"""Whole-system cases: a workflow goes in by REST, and what is answered afterwards is compared."""
