"""Laws of the translation to Argo, over random graphs.

Limits are made small, so that graphs of a few dozen groups are nested and cut as thousands would be.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.argo.clusters import manifests, order_of_groups, order_of_plan, part_pods, pods, workflow_of
from tests.unit.argo.crd import check_object, check_workflow
from tests.unit.argo.plans import chain, fan, from_edges, group, plan, rule, task
from translator.argo.beginning import Beginning
from translator.argo.contraction import contracted
from translator.argo.cutting import cut
from translator.argo.decomposition import nested_dag
from translator.argo.forms import Form, written
from translator.argo.labels import pod_ref, workflow_ref
from translator.argo.modules import Dag
from translator.argo.names import node_id
from translator.argo.part_builder import RunPart
from translator.argo.poset import Edges, ancestor_sets, reduced, topological_order
from translator.argo.target import ArgoTarget, Limits
from translator.argo.translation import translate
from translator.plan.model import ExitAction, GroupName, Plan, decode, encode

AGAIN = (rule(ExitAction.RESCHEDULE, (1, 1)),)


@st.composite
def graphs(draw: st.DrawFn, most: int = 40) -> Edges:
    """Edges of an acyclic graph: for each node some of the nodes before it."""
    size = draw(st.integers(1, most))
    reach = draw(st.sampled_from([1, 2, 5, most]))
    degree = draw(st.integers(0, 4))
    edges = []
    for node in range(size):
        near = st.integers(max(0, node - reach), max(0, node - 1))
        above = draw(st.sets(near, max_size=degree)) if node else set()
        edges.append(tuple(sorted(above)))
    return tuple(edges)


@st.composite
def modular_graphs(draw: st.DrawFn, depth: int = 4) -> Edges:
    """Graphs put together from parts side by side and one after the other, with a few edges of their own."""
    if depth == 0 or draw(st.booleans()):
        return draw(graphs(6))
    parts = draw(st.lists(modular_graphs(depth - 1), min_size=2, max_size=4))
    one_after_the_other = draw(st.booleans())
    edges: list[tuple[int, ...]] = []
    before: tuple[int, ...] = ()
    for part in parts:
        shift = len(edges)
        edges += [tuple(above + shift for above in node) or before for node in part]
        if one_after_the_other:
            waited_for = {above for node in part for above in node}
            before = tuple(shift + node for node in range(len(part)) if node not in waited_for)
    return tuple(edges)


@st.composite
def small_limits(draw: st.DrawFn) -> Limits:
    """Limits under which small runs are nested and cut."""
    return Limits(
        dag_tasks=draw(st.integers(4, 12)),
        nodes=draw(st.integers(6, 40)),
        templates=draw(st.integers(25, 60)),
        secret_bytes=draw(st.sampled_from([5000, 900_000])),
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Runs of single tasks and of groups, some of them retried, names full of `_` and `-`."""
    edges = draw(st.one_of(graphs(25), modular_graphs(2)))
    names = [f"{draw(st.sampled_from(['t_', 't-', 'T', 'main', 'gate-', 'part-']))}{n}" for n in range(len(edges))]
    groups = []
    for number, above in enumerate(edges):
        size = draw(st.sampled_from([1, 1, 1, 2, 5]))
        tasks = [
            task(
                f"{names[number]}_m{member}",
                lead=member == 0,
                exit_rules=AGAIN if draw(st.booleans()) else (),
                max_retries=2,
            )
            for member in range(size)
        ]
        upstream = tuple(GroupName(names[other]) for other in above)
        ignored = draw(st.booleans())
        groups.append(group(names[number], *tasks, upstream=upstream, ignore_nonlead_status=ignored))
    return plan(*groups)


@settings(max_examples=60, deadline=None)
@given(made=plans(), limits=small_limits())
def test_order_limits_and_names_hold_however_a_run_is_cut(made: Plan, limits: Limits) -> None:
    # design §5: "edges `up.Succeeded`", no more and no fewer than the Plan's; "Limits of Argo 4's full CRDs hold".
    target = ArgoTarget(limits=limits)
    translation = translate(made, target)
    for manifest in manifests(translation):
        if manifest["kind"] == "Workflow":
            check_workflow(manifest, limits)
        else:
            check_object(manifest, "argo")
    assert order_of_groups(translation, made) == order_of_plan(made)
    _check_names(translation.parts, made)


@settings(max_examples=40, deadline=None)
@given(edges=st.one_of(graphs(80), modular_graphs()), limits=small_limits())
def test_order_of_random_graphs(edges: Edges, limits: Limits) -> None:
    made = from_edges(edges)
    translation = translate(made, ArgoTarget(limits=limits))
    assert order_of_groups(translation, made) == order_of_plan(made)
    assert set(pods(translation)) == {f"t{n}" for n in range(len(edges))}


@settings(max_examples=25, deadline=None)
@given(made=plans(), limits=small_limits())
def test_same_plan_same_bytes(made: Plan, limits: Limits) -> None:
    target = ArgoTarget(limits=limits)
    first = written(translate(made, target), Form.JSON)
    assert written(translate(decode(encode(made)), target), Form.JSON) == first


@settings(max_examples=100, deadline=None)
@given(edges=st.one_of(graphs(60), modular_graphs()))
def test_reduction_keeps_the_order(edges: Edges) -> None:
    order = topological_order(edges)
    fewest = reduced(edges, order)
    assert ancestor_sets(fewest, order) == ancestor_sets(edges, order)
    assert all(set(few) <= set(all_) for few, all_ in zip(fewest, edges, strict=True))


@settings(max_examples=100, deadline=None)
@given(edges=st.one_of(graphs(60), modular_graphs()), data=st.data())
def test_a_beginning_with_its_gates_is_a_reduction_and_its_tangles_are_known(edges: Edges, data: st.DataObject) -> None:
    # Of "a transitive reduction", which nesting asks for.
    order = topological_order(edges)
    fewest = reduced(edges, order)
    begin = data.draw(st.integers(0, len(order) - 1))
    end = data.draw(st.integers(begin + 1, len(order)))
    beginning = Beginning(fewest, order[begin:])
    largest = beginning.largest_tangle(end - begin)
    outside = {group: beginning.outside[group] for group in order[begin:end]}
    names: list[object] = [*{above for above in outside.values() if above}, *outside]
    numbers = {name: number for number, name in enumerate(names)}
    gates = len(names) - len(outside)
    inner: Edges = (
        *((),) * gates,
        *(
            tuple(sorted(numbers[above] for above in (*fewest[group], above_outside) if above in numbers))
            for group, above_outside in outside.items()
        ),
    )
    assert reduced(inner, range(len(inner))) == inner
    assert largest == max(map(len, _tangles(inner)))


@settings(max_examples=100, deadline=None)
@given(edges=st.one_of(graphs(60), modular_graphs()))
def test_nesting_holds_every_node_once(edges: Edges) -> None:
    # Wide enough for every prime part.
    dag = nested_dag(reduced(edges, topological_order(edges)), range(len(edges)), 60).dag
    assert sorted(_leaves(dag)) == list(range(len(edges)))


@settings(max_examples=60, deadline=None)
@given(edges=modular_graphs(), limit=st.integers(2, 12))
def test_modules_never_outgrow_a_dag(edges: Edges, limit: int) -> None:
    parts, quotient = contracted(reduced(edges, topological_order(edges)), range(len(edges)), limit)
    assert all(part.size <= limit for part in parts)
    assert len(parts) == len(quotient)


@settings(max_examples=60, deadline=None)
@given(edges=st.one_of(graphs(60), modular_graphs()), dag_tasks=st.integers(4, 20), most=st.integers(1, 50))
def test_parts_hold_every_group_once(edges: Edges, dag_tasks: int, most: int) -> None:
    class Room:
        def holds(self, groups: object, dags: int) -> bool:
            assert isinstance(groups, tuple)
            return len(groups) <= most

    parts = cut(edges, Room(), dag_tasks)
    assert sorted(group for part in parts for group in part.groups) == list(range(len(edges)))
    assert all(len(part.groups) <= most for part in parts)


def test_the_shapes_that_were_promised() -> None:
    # design §5, on Argo's own limits.
    for made in (chain(1000), fan(1000)):
        translation = translate(made, ArgoTarget())
        assert len(translation.parts) == 1
        assert order_of_groups(translation, made) == order_of_plan(made)


@pytest.mark.parametrize(("size", "density"), [(1000, 0.002), (1000, 0.01), (300, 0.2)])
def test_random_graphs_of_a_thousand_tasks(size: int, density: float) -> None:
    random = Random(density)
    edges = tuple(tuple(above for above in range(node) if random.random() < density) for node in range(size))
    made = from_edges(edges)
    translation = translate(made, ArgoTarget())
    for part in translation.parts:
        check_workflow(workflow_of(part))
    assert order_of_groups(translation, made) == order_of_plan(made)


def _check_names(parts: Sequence[RunPart], made: Plan) -> None:
    """Names and ids occur once, and labels lead from every pod back to its task."""
    objects = [
        (made_object["kind"], made_object["metadata"]["name"])
        for part in parts
        for made_object in [workflow_of(part), *(dependent.owned() for dependent in part.dependents)]
    ]
    assert len(set(objects)) == len(objects)
    tasks = {(entry.uuid, member.uuid): member.name for entry in made.groups for member in entry.tasks}
    seen = set()
    for number, part in enumerate(parts):
        ref = workflow_ref(workflow_of(part)["metadata"]["labels"])
        assert ref is not None
        assert (ref.workflow_uuid, ref.part, ref.parts) == (made.workflow_uuid, number + 1, len(parts))
        ids = []
        for pod in part_pods(part):
            pod_of = pod_ref(pod.labels)
            assert pod_of is not None
            seen.add(tasks[pod_of.group_uuid, pod_of.task_uuid])
            path = ".".join((pod.workflow, *pod.path))
            attempts = pod.template.get("retryStrategy", {}).get("limit", -1) + 1
            ids += [node_id(pod.workflow, path), *(node_id(pod.workflow, f"{path}({n})") for n in range(attempts))]
        assert len(set(ids)) == len(ids)
    assert seen == set(tasks.values())


def _tangles(edges: Edges) -> list[set[int]]:
    """The sets of nodes that edges connect."""
    tangles: list[set[int]] = []
    for node, above in enumerate(edges):
        joined = [tangle for tangle in tangles if tangle & set(above)]
        tangles = [tangle for tangle in tangles if tangle not in joined] + [{node}.union(*joined)]
    return tangles


def _leaves(dag: Dag) -> list[int]:
    return [
        node
        for entry in dag.tasks
        for node in ([entry.content] if isinstance(entry.content, int) else _leaves(entry.content))
    ]
