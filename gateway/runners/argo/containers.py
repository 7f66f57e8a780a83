"""What the containers of a pod have come to."""

from __future__ import annotations

from collections.abc import Iterator

from translator.argo.observe_causes import MAIN, SIDECARS
from translator.argo.observe_objects import Container, Pod


def containers_of(pod: Pod) -> Iterator[Container]:
    """All containers of which a pod tells, in the order in which they start."""
    yield from pod.status.init_container_statuses or ()
    yield from pod.status.container_statuses or ()


def has_begun(container: Container) -> bool:
    """Whether it ever ran, so that there is a log."""
    state = container.state
    if state is None:
        return False
    return state.running is not None or (state.terminated is not None and state.terminated.started_at is not None)


def main_began(pod: Pod) -> bool:
    """Whether the user's container ever ran."""
    return any(has_begun(one) for one in pod.status.container_statuses or () if one.name == MAIN)


def has_ended(pod: Pod, container: str) -> bool:
    """Whether a container runs no more; perhaps it comes again."""
    state = next((one.state for one in containers_of(pod) if one.name == container), None)
    return state is not None and state.terminated is not None


def ends_for_good(pod: Pod, container: str) -> bool:
    """Whether a container has ended and does not come again.

    A sidecar among the init containers, as groups have, is started again until the user's container has ended.
    """
    comes_again = container in SIDECARS and any(
        one.name == container for one in pod.status.init_container_statuses or ()
    )
    return has_ended(pod, container) and (not comes_again or has_ended(pod, MAIN))
