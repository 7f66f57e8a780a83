"""How much fits into one Workflow.

Source: argo.md §2.1, §6; argo-verified.md §5.1.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from translator.argo.target import Limits

_SAFETY = 0.9
"""Sizes are estimated, so the estimate keeps below the limit."""


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """What one group takes of a Workflow.

    Shape: `dags` are the templates that a group of several takes for its order, `frames` the kinds of templates its
    tasks need at least. Units: `spec_bytes` estimated, of JSON.
    """

    tasks: int
    dags: int
    spec_bytes: int
    frames: frozenset[str]


class PartRoom:
    """Says whether groups fit into one Workflow. Shape: `share` of the size limit is used, at most 1."""

    def __init__(self, demands: Sequence[Demand], limits: Limits, share: float) -> None:
        self._demands = demands
        self._limits = limits
        self._spec_bytes = limits.spec_bytes * share * _SAFETY

    def holds(self, groups: Sequence[int], dags: int) -> bool:
        """Whether `groups` fit where `dags` templates are taken by DAGs of modules. One group always does."""
        if len(groups) == 1:
            return True
        chosen = [self._demands[group] for group in groups]
        if sum([demand.tasks for demand in chosen]) > self._limits.nodes:
            return False
        if sum([demand.spec_bytes for demand in chosen]) > self._spec_bytes:
            return False
        frames = frozenset[str]().union(*{demand.frames for demand in chosen})
        of_groups = sum([demand.dags for demand in chosen])
        # One more for gates.
        return dags + of_groups + len(frames) + 1 <= self._limits.templates
