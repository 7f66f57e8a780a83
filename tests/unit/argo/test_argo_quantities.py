"""Resource amounts in one form."""

from __future__ import annotations

import pytest

from templates.merge import Json, JsonObject
from tests.unit.argo.clusters import pods
from tests.unit.argo.plans import plan, single
from translator.argo.faults import TranslationError
from translator.argo.quantities import byte_text, tidy_resources
from translator.argo.target import ArgoTarget
from translator.argo.translation import translate
from translator.plan.model import ResourceRequest


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (1, "1Ki"), (1024, "1Ki"), (1025, "2Ki"), (2**20, "1Mi"), (2**30, "1Gi"), (3 * 2**29, "1536Mi")],
)
def test_bytes_are_binary(number: int, text: str) -> None:
    assert byte_text(number) == text


@pytest.mark.parametrize(
    ("given", "tidied"),
    [
        ({"limits": {"memory": "10G"}}, {"limits": {"memory": "9765625Ki"}}),
        ({"limits": {"memory": "1.5Gi"}}, {"limits": {"memory": "1536Mi"}}),
        ({"limits": {"cpu": 2, "memory": 1048576}}, {"limits": {"cpu": "2", "memory": "1Mi"}}),
        ({"limits": {"cpu": "500m"}}, {"limits": {"cpu": "500m"}}),
        ({"limits": {"cpu": 0.25}}, {"limits": {"cpu": "250m"}}),
        ({"limits": {"hugepages-2Mi": "4Mi"}}, {"limits": {"hugepages-2Mi": "4Mi"}}),
        ({"limits": {"nvidia.com/gpu": "0"}}, {}),
        ({"limits": {"nvidia.com/gpu": "8"}}, {"limits": {"nvidia.com/gpu": "8"}}),
        # A request above its limit would be refused by Kubernetes.
        (
            {"limits": {"memory": "512Mi"}, "requests": {"memory": "1Gi", "cpu": "1"}},
            {"limits": {"memory": "512Mi"}, "requests": {"memory": "512Mi", "cpu": "1"}},
        ),
        ({"claims": [{"name": "c"}]}, {"claims": [{"name": "c"}]}),
    ],
)
def test_amounts_have_one_form(given: JsonObject, tidied: JsonObject) -> None:
    # workflow-spec.md §10.6: "normalise to binary everywhere, emit Ki/Mi/Gi".
    assert tidy_resources(given, path="p") == tidied


@pytest.mark.parametrize("value", ["None", "a lot", "-1", True, None, ["1"], "1e", ""])
def test_what_is_no_amount_is_refused_with_its_path(value: Json) -> None:
    with pytest.raises(TranslationError, match=r"quantity .* at p\.limits\.memory"):
        tidy_resources({"limits": {"memory": value}}, path="p")


def test_limits_must_be_a_map() -> None:
    with pytest.raises(TranslationError, match=r"p\.limits"):
        tidy_resources({"limits": "1"}, path="p")


def test_emissary_does_not_take_from_the_task() -> None:
    # argo-verified.md C13: "add 64–100 Mi to the limit of main".
    main = pods(translate(plan(single("a")), ArgoTarget()))["a"].container()
    assert main["resources"] == {
        "limits": {"cpu": "1", "memory": "1120Mi"},
        "requests": {"cpu": "1", "memory": "1Gi"},
    }


def test_amounts_of_users_are_binary_whatever_their_unit() -> None:
    # workflow-spec.md §2.9: "`G` equals `Gi`".
    made = plan(single("a", resources=ResourceRequest(cpu=1, memory_bytes=10 * 2**30, requested_memory="10G")))
    main = pods(translate(made, ArgoTarget()))["a"].container()
    assert main["resources"]["requests"]["memory"] == "10Gi"
