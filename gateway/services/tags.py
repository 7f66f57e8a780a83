"""Tags of workflows. Source: api.md §2.1, §2.10."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.ports.store import Store
from gateway.services.errors import Refusal
from gateway.services.lookup import known_workflow
from pools.model import Config


class Tags:
    """Says which tags there are, and puts them on workflows."""

    def __init__(self, *, store: Store, config: Callable[[], Config]) -> None:
        self._store = store
        self._config = config

    def available(self) -> list[str]:
        """The tags that users may set."""
        return list(self._config().workflow.workflow_info.tags)

    def change(self, id_or_uuid: str, *, add: Sequence[str] | None, remove: Sequence[str] | None) -> None:
        """Take tags off a workflow, then put tags on.

        Errors: UnknownWorkflow; Refusal where nothing is asked for, or a new tag is not one of the configuration's.
        """
        if not add and not remove:
            raise Refusal("Name at least one tag to add or to remove.")
        allowed = self.available()
        unknown = [tag for tag in add or () if tag not in allowed]
        if unknown:
            choice = ", ".join(allowed) if allowed else "none, the configuration has no workflow_info.tags"
            raise Refusal(f"Unknown tag(s): {', '.join(unknown)}. Available tags: {choice}.")
        with self._store.writing() as writes:
            record = known_workflow(writes, id_or_uuid)
            writes.change_tags(record.uuid, add=add or (), remove=remove or ())
