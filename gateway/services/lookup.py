"""Finding what a request names: workflows by id or uuid, users by name, pools by default."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.ports.records import WorkflowRecord
from gateway.ports.store import Reads
from gateway.services.errors import Refusal, UnknownWorkflow
from gateway.services.identity import Caller

# Larger numbers are no line, retry or page that could exist, and databases have no room for them.
MAX_INTEGER = 2**53


def known_workflow(reads: Reads, id_or_uuid: str) -> WorkflowRecord:
    """The workflow with this id or uuid. Errors: UnknownWorkflow."""
    record = reads.workflow(id_or_uuid)
    if record is None:
        raise UnknownWorkflow(f"Workflow {id_or_uuid} not found.", workflow_id=id_or_uuid)
    return record


def chosen_users(
    reads: Reads, caller: Caller, names: Sequence[str] | None, *, all_users: bool
) -> tuple[str, ...] | None:
    """Whose workflows a list shows: those named, else the caller's; None for everybody's.

    A name without `@` also means the only `name@…` there is; the caller is always known.
    Errors: Refusal naming all users that are unknown or ambiguous. Source: api.md §2.8, §11.
    """
    if all_users:
        return None
    if not names:
        return (caller.user,)
    found: list[str] = []
    wrong: list[str] = []
    for name in names:
        matching = (name,) if name == caller.user else reads.submitters_called(name)
        if len(matching) == 1:
            found.append(matching[0])
        else:
            wrong.append(name if not matching else f"{name} (ambiguous: {', '.join(matching)})")
    if wrong:
        raise Refusal(f"Invalid user(s): {', '.join(wrong)}")
    return tuple(found)


def chosen_pools(
    reads: Reads, caller: Caller, names: Sequence[str] | None, *, all_pools: bool
) -> tuple[str, ...] | None:
    """Of which pools a list shows workflows: those named, else the profile's default; None for all.

    Errors: Refusal where nothing says which. Source: api.md §2.8.
    """
    if all_pools:
        return None
    if names:
        return tuple(names)
    default = reads.profile(caller.user).pool
    if default is None:
        raise Refusal("No pool selected! Name one with `pools`, ask for `all_pools`, or set a default in your profile.")
    return (default,)
