"""Pods taken apart into frame and patch."""

from __future__ import annotations

import json

from templates.merge import JsonObject
from tests.unit.argo.clusters import merged
from translator.argo.blueprint import blueprint, frame_of, patch_text
from translator.argo.needs import SidecarKind
from translator.argo.pod import FileMount, PodShape, base_pod
from translator.argo.retries import Retries
from translator.argo.schedulers.adapter import PodSettings
from translator.argo.secret_book import Place
from translator.argo.slots import Slot
from translator.argo.target import ArgoTarget
from translator.plan.model import Mount, ResourceRequest

SETTINGS = PodSettings(spec={"schedulerName": "kai"}, labels={"queue": "q"})


def shape(sidecar: SidecarKind = SidecarKind.DATA, retries: Retries | None = None) -> PodShape:
    return PodShape(
        platform="default",
        resources=ResourceRequest(),
        sidecar=sidecar,
        retries=retries,
        several=sidecar is SidecarKind.COORDINATOR,
        privileged=True,
        host_network=False,
        mounts=(Mount(source="/s", destination="/d"),),
        files=(FileMount(path="/f", number=0, place=Place(secret="shared", key="k")),),
        settings=SETTINGS,
    )


def whole(text: str, patch: str) -> JsonObject:
    """The pod's spec that frame and patch make together."""
    frame = frame_of(text)
    native = {
        "containers": [frame.main, *frame.sidecars],
        "initContainers": frame.init_containers,
        "volumes": frame.volumes,
    }
    spec: JsonObject = merged(native, json.loads(patch or "{}"))
    return spec


def test_frame_and_patch_make_the_pod_again() -> None:
    # argo-verified.md C8: "the whole podSpecPatch can be one parameter".
    base = base_pod(shape(), ArgoTarget())
    spec = base["spec"]
    assert isinstance(spec, dict)
    final: JsonObject = {**base, "spec": {**spec, "tolerations": [{"key": "k"}], "nodeSelector": {"a": "b"}}}
    made = blueprint(final, base, shape())
    assert whole(made.frame, made.patch) == final["spec"]


def test_coordinator_stands_among_the_init_containers() -> None:
    base = base_pod(shape(SidecarKind.COORDINATOR), ArgoTarget())
    made = blueprint(base, base, shape(SidecarKind.COORDINATOR))
    frame = frame_of(made.frame)
    assert [entry["name"] for entry in frame.init_containers] == ["osmo-init", "osmo-ctrl"]
    assert frame.sidecars == []


def test_what_differs_from_task_to_task_is_known() -> None:
    base = base_pod(shape(), ArgoTarget())
    made = blueprint(base, base, shape())
    assert Slot.IMAGE in made.frame_slots
    assert made.patch_slots == frozenset()
    again = shape(retries=Retries(limit=1, expression="x"))
    assert Slot.ATTEMPT in blueprint(base_pod(again, ArgoTarget()), base_pod(again, ArgoTarget()), again).frame_slots


def test_retries_are_part_of_the_frame() -> None:
    one, two = shape(), shape(retries=Retries(limit=2, expression="x"))
    frames = {blueprint(base_pod(made, ArgoTarget()), base_pod(made, ArgoTarget()), made).frame for made in (one, two)}
    assert len(frames) == 2


def test_text_for_argo_holds_no_tag() -> None:
    # argo.md §2.11: "There is no general escape"; JSON has one.
    patch: JsonObject = {"nodeSelector": {"{{a}}": "{{{b}}} {{=1+1}} {"}}
    text = patch_text(patch)
    assert "{{" not in text
    assert json.loads(text) == patch
    assert patch_text({}) == ""
