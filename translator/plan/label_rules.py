"""The label policy of the configuration in the terms of `translator.spec.labels`."""

from __future__ import annotations

from pools.workflow import LabelsConfig
from translator.spec.labels import Enforcement, LabelRule


def label_rules(config: LabelsConfig) -> tuple[LabelRule, ...]:
    """The rules of the configuration, in order."""
    return tuple(
        LabelRule(
            key=rule.key,
            allow_list=rule.allow_list,
            enforcement=Enforcement(rule.enforcement.value),
            assert_message=rule.assert_message,
        )
        for rule in config.policy
    )
