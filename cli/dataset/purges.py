"""Removing from stores what no version needs any more."""

from __future__ import annotations

from collections.abc import Sequence

from cli.dataset.moving import Moving
from cli.dataset.registry import Registry, Version, decoded
from storage.datasets.purging import purge_manifests
from storage.transfer import Moved


def purge_unused(now: Moving, registry: Registry, gone: Sequence[Version], *, force: bool) -> Moved:
    """Remove manifests of versions that are used no more, with contents that nothing else there refers to.

    What another version of the server has at the same place, of whatever dataset, stays. Errors: StoreError; CliError.
    """
    moved = Moved()
    by_place: dict[str, set[str]] = {}
    for version in gone:
        users = decoded(registry.versions({"manifest": version.manifest}))
        if not any(user.location == version.location for user in users):
            by_place.setdefault(version.location, set()).add(version.manifest)
    for place, manifests in by_place.items():
        some = purge_manifests(
            now.stores,
            registry.location(place),
            manifests,
            name=now.writer,
            stopped=now.stopped,
            force=force,
            watch=now.watch,
        )
        moved.files += some.files
        moved.bytes += some.bytes
    return moved
