"""Submitting and restarting workflows. Source: api.md §2.7."""

from __future__ import annotations

from pydantic import Field

from gateway.schemas.wire import Body, Reply, Text


class TemplateSpec(Body):
    """A workflow as the user wrote it. Shape: the variables are `key=value` texts."""

    file: Text = Field(description="The YAML text.")
    set_variables: list[Text] = Field(default=[], description="`key=value`; integers and floats are recognised.")
    set_string_variables: list[Text] = Field(default=[], description="`key=value`; always text, wins over the former.")
    uploaded_templated_spec: Text | None = Field(
        default=None, description="The text before expansion, kept for `spec?use_template=true`."
    )


class SubmitResponse(Reply):
    """What became of a submission.

    Shape: exactly one of `logs` and `spec` is set; `spec` is the expanded YAML of a dry run; `logs` of a validation is
    the sentence that it succeeded.
    """

    name: str
    overview: str | None = None
    logs: str | None = None
    spec: str | None = None
    dashboard_url: str | None = None
    warnings: list[str] = []


class CancelResponse(Reply):
    """The id of the workflow whose end was asked for."""

    name: str
