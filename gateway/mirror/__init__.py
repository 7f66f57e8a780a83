"""The mirror: reduces facts to states, saves them, has effects carried out, and tells who listens."""
