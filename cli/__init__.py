"""The `argosmo` command.

Speaks HTTP to any OSMO-compatible gateway; `run`, `validate`, `translate` and `serve` work without one. A module is
imported only when its command is used, so that `argosmo --help` and completion stay quick.
"""

__version__ = "0.1.0"
# What the requests claim to be: the OSMO client whose protocol this one speaks (api.md §6.1).
PROTOCOL_VERSION = "6.4.0"
