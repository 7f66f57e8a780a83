"""The variables of pod and group templates for one task or group of a Plan.

Used where templates are rendered (`translator.argo`) and, before there is an id, to see whether they can be.
Source: workflow-spec.md §7.3, §7.5.
"""

from __future__ import annotations

from collections.abc import Mapping

from templates.variables import (
    CONTAINER_VARIABLE,
    GROUP_VARIABLES,
    TASK_VARIABLES,
    Variable,
    kubernetes_variables,
    label_variables,
    user_variables,
)
from translator.plan.model import PlatformPlan, ResourceRequest
from translator.plan.requests import user_request
from translator.spec.names import container_name


def task_variables(request: ResourceRequest, platform: PlatformPlan) -> dict[str, Variable]:
    """The USER_* variables and the pool's own ones for a task of a Plan. A checked Plan cannot fail here."""
    return user_variables(user_request(request), platform.default_variables)


def pod_variables(variables: Mapping[str, Variable], labels: Mapping[str, str], task_name: str) -> dict[str, Variable]:
    """All variables of a pod template, amounts in Kubernetes' sense.

    Shape: `variables` as from `task_variables`; `labels` the pod's system labels (`osmo.…`), from which the WF_* ones
    follow; one whose label is missing is "".
    """
    return {
        **dict.fromkeys((*GROUP_VARIABLES, *TASK_VARIABLES), ""),
        **kubernetes_variables(variables),
        **label_variables(labels),
        CONTAINER_VARIABLE: container_name(task_name),
    }


def group_variables(labels: Mapping[str, str]) -> dict[str, Variable]:
    """All variables of a group template; `labels` are the system labels of the group's objects."""
    return {**dict.fromkeys(GROUP_VARIABLES, ""), **label_variables(labels)}
