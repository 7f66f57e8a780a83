"""Where the command of an attempt runs: in a sandbox, as a plain process, or in a container."""
