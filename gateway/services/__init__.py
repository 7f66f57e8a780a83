"""The use cases of the gateway, one a file: they ask the core for decisions and the ports for effects."""
