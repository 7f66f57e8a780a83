"""Which pool a command means when the user names none. Source: api.md §2.6, §2.7."""

from __future__ import annotations

from cli.client import Client
from cli.errors import CliError
from cli.replies import PoolNames, ProfileSettings


def selected_pool(client: Client) -> str:
    """The profile's default pool, else the only pool there is.

    Errors: CliError where there are several and none is the default.
    """
    chosen = client.get("/api/profile/settings").read(ProfileSettings).profile.pool
    if chosen:
        return chosen
    reply = client.get("/api/pool").read(PoolNames)
    known = {pool.name for node_set in reply.node_sets for pool in node_set.pools} or set(reply.pools)
    if len(known) == 1:
        return known.pop()
    raise CliError(
        "No pool selected! Name one with -p, or make one the default with 'argosmo profile set pool NAME'. "
        f"Known pools: {', '.join(sorted(known)) or 'none'}."
    )
