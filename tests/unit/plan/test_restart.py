"""Restarts. Source: workflow-spec.md §5.9."""

from __future__ import annotations

from copy import deepcopy

from tests.unit.plan.specs import after, group, task
from translator.plan.restart import restarted_document, restarted_source
from translator.spec.dump import yaml_text
from translator.spec.parse import parse

GROUPED = {
    "version": 2,
    "workflow": {
        "name": "wf",
        "labels": {"a": "b"},
        "groups": [
            group("good", task("a"), task("a2")),
            group(
                "bad", after("b", "a", "old-1:x"), task("b2", inputs=[{"url": "s3://x"}, {"task": "a2", "regex": "r"}])
            ),
            group("after", after("c", "b", "a")),
        ],
    },
}


class NoRenderer:
    """For text that must not be rendered."""

    def render(self, template: str, variables: object) -> str:
        raise AssertionError("rendered again")


def test_only_failed_groups_stay_and_read_from_the_old_run() -> None:
    """'removes groups whose status is not failed; rewrites task: X -> task: <old id>:X when X's group succeeded'."""
    before = deepcopy(GROUPED)
    made = restarted_document(GROUPED, workflow_id="wf-3", failed_groups={"bad", "after"})
    assert before == GROUPED
    workflow = made["workflow"]
    assert isinstance(workflow, dict)
    assert (made["version"], workflow["labels"]) == (2, {"a": "b"})
    bad, last = workflow["groups"]
    assert (bad["name"], last["name"]) == ("bad", "after")
    assert bad["tasks"][0]["inputs"] == [{"task": "wf-3:a"}, {"task": "old-1:x"}]
    assert bad["tasks"][1]["inputs"] == [{"url": "s3://x"}, {"task": "wf-3:a2", "regex": "r"}]
    assert last["tasks"][0]["inputs"] == [{"task": "b"}, {"task": "wf-3:a"}]


def test_stand_alone_tasks_are_groups_of_their_own() -> None:
    document = {"workflow": {"name": "wf", "tasks": [task("a"), after("b", "a")]}}
    made = restarted_document(document, workflow_id="wf-3", failed_groups={"b-group"})
    assert made == {"workflow": {"name": "wf", "tasks": [after("b", "wf-3:a")]}}


def test_a_refused_submission_runs_whole() -> None:
    """'restart from FAILED_SUBMISSION: allowed (all groups re-run)', whatever its text."""
    assert restarted_document(GROUPED, workflow_id="wf-3", failed_groups=None) == GROUPED
    assert restarted_source("not: [yaml", workflow_id="wf-3", failed_groups=None) == b"not: [yaml"


def test_the_text_parses_as_a_rendered_spec() -> None:
    document = deepcopy(GROUPED)
    workflow = document["workflow"]
    assert isinstance(workflow, dict)
    workflow["groups"][1]["tasks"][0]["args"] = ["{{output}} {{ not jinja }}\n{# x #}"]
    source = restarted_source(yaml_text(document), workflow_id="wf-3", failed_groups=["bad"])
    spec = parse(source, renderer=NoRenderer(), is_rendered=True).spec
    assert [one.name for one in spec.groups] == ["bad"]
    assert spec.groups[0].tasks[0].args == ["{{output}} {{ not jinja }}\n{# x #}"]
