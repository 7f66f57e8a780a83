"""Host paths that tasks mount: `src` or `src:dst`. Source: workflow-spec.md §7.4."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from translator.plan.model import Mount


def split_mount(text: str) -> Mount | None:
    """The mount that `text` says; None where a part is missing or there are more than two."""
    source, colon, destination = text.partition(":")
    if not source or ":" in destination or (colon and not destination):
        return None
    return Mount(source=source, destination=destination or source)


def task_mounts(texts: Iterable[str], provided: Collection[str]) -> tuple[Mount, ...]:
    """The mounts of a task, without those that the platform's template provides anyway, and each source once."""
    mounts = (split_mount(text) for text in texts)
    wanted = (mount for mount in mounts if mount is not None and mount.source not in provided)
    return tuple({(mount.source, mount.destination): mount for mount in wanted}.values())
