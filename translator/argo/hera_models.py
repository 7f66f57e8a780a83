"""Hera's models with what Argo 4.1 knows beyond them.

Hera 7.1 is generated from Argo 4.0 and drops fields that it does not know. Source: argo.md §1.1.
"""

from __future__ import annotations

import gc
from typing import Annotated

from hera.workflows import models
from pydantic import Field

# Hera's models are some hundred thousand objects that live as long as the process. Taken out of the collector's sight
# they do not make every full collection, which a large translation sets off, a tenth of a second longer.
gc.freeze()


class PodTemplate(models.Template):
    """A template with Argo 4.1's limit on the time that a pod is Pending."""

    pending_timeout: Annotated[str | None, Field(alias="pendingTimeout")] = None


class RunSpec(models.WorkflowSpec):
    """A Workflow's spec of such templates."""

    templates: list[PodTemplate | models.Template] | None = None


class RunWorkflow(models.Workflow):
    """A Workflow of such templates."""

    spec: RunSpec
