"""Timings, as ratios to a peer that is measured in the same run. No test asserts them."""
