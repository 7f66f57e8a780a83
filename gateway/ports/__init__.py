"""What the gateway needs from the world, as Protocols and the values that cross them.

`runner` carries out effects, `store` holds the rows (`records` are its values), `logs` the lines, `mirror` is the one
place that knows unfinished workflows, `clock` is time. Implementations stand in `gateway.runners`, `gateway.store` and
`gateway.mirror`; `gateway.main` puts them together.
"""

from gateway.ports.runner import Runner

__all__ = ["Runner"]
