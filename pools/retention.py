"""What is kept of workflows that ended, and for how long. Ours: OSMO has no such section."""

from __future__ import annotations

from collections.abc import Mapping

from pools.documents import Document, Duration, InheritedDuration


class RetentionRule(Document):
    """How long things are kept of the workflows that a rule is for.

    Shape: it is for workflows of one of the `pools` (empty: of all) that carry all `labels`, where `*` stands for any
    value. Durations count from the end of a workflow; "" keeps. What `workflows_after` removes is the record with its
    intermediate data and its log.
    """

    name: str = ""
    pools: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    data_after: InheritedDuration = ""
    logs_after: InheritedDuration = ""
    workflows_after: InheritedDuration = ""

    def covers(self, pool: str | None, labels: Mapping[str, str]) -> bool:
        """Whether a workflow of this pool, with these labels, is one that the rule is for."""
        if self.pools and pool not in self.pools:
            return False
        return all(key in labels and wanted in ("*", labels[key]) for key, wanted in self.labels.items())


class Retention(Document):
    """The first rule that is for a workflow counts, and no other; without one everything is kept.

    Shape: `every` is how often the gateway looks for what is due.
    """

    rules: tuple[RetentionRule, ...] = ()
    every: Duration = "1h"
