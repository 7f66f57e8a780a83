"""Laws of templates, pools and the Plan, over everything hypothesis can think of."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pools.backend import Backend
from pools.config import parse_config
from pools.model import Config, ConfigError, ConfigProblem
from pools.nodes import Node
from pools.pool import Platform, Pool
from pools.quota import RunningTask, pool_quotas
from pools.reading import SECTIONS
from templates.assertions import Assertion, Operator, failure, operand
from templates.merge import Json, JsonObject, merge
from templates.quantities import UNIT_EXPONENTS, byte_quantity, kubernetes_quantity
from templates.render import RenderError, render_text
from templates.variables import NodeCapacity, UserRequest, VariableError, cache_size, user_variables
from tests.unit.plan.specs import on_machine, planned, spec, task
from translator.plan.mounts import split_mount
from translator.plan.outline import outline
from translator.plan.restart import restarted_document
from translator.plan.tokens import Tokens, substituted
from translator.spec.data_model import InputTask
from translator.spec.dump import stored_document
from translator.spec.model import WorkflowSpec, as_document

SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5)
NAMES = st.sampled_from("abcdef")


def trees() -> st.SearchStrategy[Json]:
    """JSON with many equal keys and names, so that merging has something to do."""
    named = st.builds(lambda name, rest: {**rest, "name": name}, NAMES, st.dictionaries(NAMES, SCALARS, max_size=2))

    def containers(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
        return st.dictionaries(NAMES, inner, max_size=4) | st.lists(inner | named, max_size=4)

    return st.recursive(SCALARS, containers, max_leaves=12)


OBJECTS = st.dictionaries(NAMES, trees(), max_size=4)


@given(OBJECTS)
def test_merging_with_nothing_changes_nothing(tree: JsonObject) -> None:
    assert merge(tree, {}) == tree
    assert merge({}, tree).keys() == tree.keys()


@given(OBJECTS, OBJECTS)
def test_merging_changes_neither_side(base: JsonObject, overlay: JsonObject) -> None:
    before = deepcopy((base, overlay))
    merged = merge(base, overlay)
    assert merged.keys() == base.keys() | overlay.keys()
    assert (base, overlay) == before


@given(st.text(alphabet="{}%# \nabUSER_CPU|.'[]()1+-*/", max_size=60))
def test_templates_render_or_say_why_not(template: str) -> None:
    with suppress(RenderError):
        assert isinstance(render_text(template, {"USER_CPU": 1}), str)


QUANTITIES = st.builds(
    lambda whole, part, unit: f"{whole}{part}{unit}",
    st.integers(0, 10**6),
    st.sampled_from(("", ".5", ".25")),
    st.sampled_from(("", *UNIT_EXPONENTS)),
)


@given(QUANTITIES)
def test_kubernetes_means_the_same_amount(text: str) -> None:
    """§10.6: 'normalise to binary everywhere'."""
    asked, told = byte_quantity(text), byte_quantity(kubernetes_quantity(text))
    assert asked is not None
    assert told is not None
    assert asked.whole_bytes == told.whole_bytes
    assert kubernetes_quantity(kubernetes_quantity(text)) == kubernetes_quantity(text)


@given(st.text(max_size=12) | QUANTITIES | st.builds("{}%".format, st.text(max_size=6)), QUANTITIES | st.just(""))
def test_cache_sizes_are_amounts_or_refused(text: str, storage: str) -> None:
    try:
        size = cache_size(text, storage)
    except VariableError:
        return
    assert byte_quantity(size) is not None


@given(st.text(max_size=10) | QUANTITIES, st.sampled_from(list(Operator)), st.text(max_size=10) | QUANTITIES)
def test_rules_hold_or_fail_but_never_crash(left: str, operator: Operator, right: str) -> None:
    rule = Assertion(operator=operator, left_operand=left, right_operand=right, assert_message="no")
    message = failure(rule, user_variables(UserRequest(), {}))
    comparable = isinstance(operand(left), str) == isinstance(operand(right), str)
    if comparable and "{" not in left + right and operator in (Operator.LT, Operator.GE):
        other = Operator.GE if operator is Operator.LT else Operator.LT
        opposite = Assertion(operator=other, left_operand=left, right_operand=right, assert_message="no")
        passes_empty = operand(left) is None or operand(right) is None
        assert passes_empty or (message is None) != (failure(opposite, {}) is None)


TOKENS = Tokens({"workflow_id": "wf-1", "output": "/o"}, [InputTask(task="a")])


@given(st.text(alphabet="{} abiw:0", max_size=30) | st.text())
def test_text_without_tokens_stays(text: str) -> None:
    assert substituted(text, Tokens({})) == text
    if "{{" not in text:
        assert substituted(text, TOKENS) == text


@given(st.lists(st.sampled_from(["{{output}}", "{{ output }}", "{{input:0}}", "{{input:9}}", "x", "{", "}", " "])))
def test_every_known_token_goes_and_no_other(parts: list[str]) -> None:
    made = substituted("|".join(parts), TOKENS)
    known = {"{{output}}": "/o", "{{ output }}": "/o", "{{input:0}}": "/osmo/data/input/0"}
    assert made == "|".join(known.get(part, part) for part in parts)


@given(st.text(alphabet="/:ab", max_size=8))
def test_mounts_split_or_are_refused(text: str) -> None:
    mount = split_mount(text)
    if mount is not None:
        assert text in (mount.source, f"{mount.source}:{mount.destination}")
        assert mount.source
        assert mount.destination


@st.composite
def graphs(draw: st.DrawFn) -> WorkflowSpec:
    """Workflows of stand-alone tasks, each with inputs from earlier ones."""
    count = draw(st.integers(1, 12))
    tasks = []
    for index in range(count):
        sources = draw(st.lists(st.integers(0, index - 1), max_size=4)) if index else []
        tasks.append(task(f"t{index}", inputs=[{"task": f"t{source}"} for source in sources]))
    return spec(*tasks)


@given(graphs())
def test_edges_are_those_of_the_inputs_both_ways(workflow: WorkflowSpec) -> None:
    """'downstream_groups is the inverse'; 'cycles and self-dependencies cannot occur'."""
    groups = outline(workflow).groups
    for index, group in enumerate(groups):
        named = {entry.task for entry in group.tasks[0].spec.inputs if hasattr(entry, "task")}
        assert {f"t{above}" for above in group.upstream} == named
        assert all(above < index and index in groups[above].downstream for above in group.upstream)
        assert list(group.upstream) == sorted(set(group.upstream))
        assert list(group.downstream) == sorted(set(group.downstream))


@settings(max_examples=50)
@given(graphs(), st.data())
def test_a_restart_keeps_what_failed_and_can_be_planned(workflow: WorkflowSpec, data: st.DataObject) -> None:
    plan = planned(workflow, on_machine())
    failed = {name for name in (group.name for group in plan.groups) if data.draw(st.booleans())}
    document = restarted_document(stored_document(workflow), workflow_id="old-1", failed_groups=failed)
    made = document["workflow"]
    assert isinstance(made, dict)
    groups = made.get("groups", [])
    assert {group["name"] for group in groups} == failed
    tasks = [task for group in groups for task in group["tasks"]]
    kept = {task["name"]: [entry["task"] for entry in task.get("inputs", [])] for task in tasks}
    for sources in kept.values():
        assert all((source in kept) != source.startswith("old-1:") for source in sources)
    if failed:
        again = as_document(document).workflow
        assert planned(again, on_machine()).groups


@st.composite
def shared_nodes(draw: st.DrawFn) -> tuple[Config, list[Node], list[RunningTask]]:
    """Some pools over some nodes, with some work."""
    labels = st.sets(st.sampled_from("xyz"), min_size=1)
    chosen = draw(st.lists(labels, max_size=5))
    pools = {
        f"p{index}": Pool(
            backend="b", platforms={label: Platform(override_pod_template=(label,)) for label in sorted(one)}
        )
        for index, one in enumerate(chosen)
    }
    config = Config(
        backends={"b": Backend(name="b", engine="local")},
        pools=pools,
        pod_templates={label: {"spec": {"nodeSelector": {label: "1"}}} for label in "xyz"},
    )
    nodes = [
        Node(
            name=f"n{index}",
            backend="b",
            labels=dict.fromkeys(one, "1"),
            allocatable=NodeCapacity(gpu=draw(st.integers(0, 8))),
        )
        for index, one in enumerate(draw(st.lists(labels, max_size=6)))
    ]
    running = [
        RunningTask(
            pool=draw(st.sampled_from(sorted(pools))),
            priority=draw(st.sampled_from(("HIGH", "NORMAL", "LOW"))),
            gpu=draw(st.integers(0, 4)),
            backend="b",
            node=draw(st.sampled_from([*(node.name for node in nodes), ""])),
        )
        for _ in range(draw(st.integers(0, 5)) if pools else 0)
    ]
    return config, nodes, running


@given(shared_nodes())
def test_each_node_counts_once(drawn: tuple[Config, list[Node], list[RunningTask]]) -> None:
    """'a sum over the list must count each node set once'."""
    config, nodes, running = drawn
    quotas = pool_quotas(config, nodes, running)
    assert sorted(entry.pool for one in quotas.node_sets for entry in one.pools) == sorted(config.pools)
    reached = [
        node
        for node in nodes
        if any(label in node.labels for pool in config.pools.values() for label in pool.platforms)
    ]
    assert quotas.resource_sum.total_capacity == sum(node.allocatable.gpu for node in reached)
    assert quotas.resource_sum.total_usage == sum(one.gpu for one in running)
    for one in quotas.node_sets:
        assert 0 <= one.free <= one.capacity
        assert {entry.usage.total_capacity for entry in one.pools} == {one.capacity}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(["a.yaml", "b.yaml"]), st.binary(max_size=60) | st.text(max_size=60).map(str.encode)
    )
)
def test_any_bytes_are_a_configuration_or_refused(files: dict[str, bytes]) -> None:
    with suppress(ConfigError):
        parse_config(files)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(SECTIONS), trees(), max_size=3))
def test_any_sections_are_a_configuration_or_refused(document: dict[str, Json]) -> None:
    problems: tuple[ConfigProblem, ...] = ()
    try:
        problems = parse_config({"a.yaml": yaml.safe_dump(document).encode()}).warnings
    except ConfigError as error:
        problems = error.problems
    assert all(problem.line is not None for problem in problems if problem.file)


def test_the_problems_of_a_configuration_are_never_none() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ConfigError(())
