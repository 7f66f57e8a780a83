"""Whether members that were never heard of still have a pod: their names in the group's Service say so.

A pod that cannot start (no image, say) never reports. When it is taken away, its name loses its address, and the others
need not wait for it. One that has no address yet may still come.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence

from translator.argo.payload import GroupPayload, Member

Lookup = Callable[[str], Awaitable[bool | None]]
"""Whether a host name has an address; None where it cannot be told now."""

_AT_ONCE = 16


class NameWatch:
    """Remembers which members' names had an address."""

    def __init__(self, group: GroupPayload, lookup: Lookup) -> None:
        # The lead's name is <its uuid>.<the Service's>, and the others' differ in the first part.
        self._service = group.coordinator.rpartition(":")[0].partition(".")[2]
        self._lookup = lookup
        self._had_address: set[str] = set()

    def met(self, task: str) -> None:
        """It reported, so it had an address."""
        self._had_address.add(task)

    async def gone(self, members: Sequence[Member]) -> list[str]:
        """The tasks among these members whose names had an address and have none any more."""
        if not self._service:
            return []
        lanes = asyncio.Semaphore(_AT_ONCE)

        async def look(member: Member) -> bool | None:
            async with lanes:
                return await self._lookup(f"{member.task_uuid}.{self._service}")

        found = await asyncio.gather(*map(look, members))
        gone: list[str] = []
        for member, has_address in zip(members, found, strict=True):
            if has_address:
                self._had_address.add(member.task)
            elif has_address is False and member.task in self._had_address:
                self._had_address.discard(member.task)
                gone.append(member.task)
        return gone


async def looked_up(name: str) -> bool | None:
    """Ask the name service of this machine."""
    try:
        await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return False if error.errno in (socket.EAI_NONAME, socket.EAI_NODATA) else None
    except OSError:
        return None
    return True
