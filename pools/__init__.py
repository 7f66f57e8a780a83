"""Pools: what administrators configure (backends, pools, platforms, rules) and the numbers that follow from it."""
