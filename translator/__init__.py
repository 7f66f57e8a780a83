"""The pure core: OSMO YAML in, Plan and Argo objects out; facts in, OSMO status words out.

Nothing in this package reads a clock, a disk, the network, the environment or a database.
"""
