"""Files, and how what tasks are told is spread over Secrets."""

from __future__ import annotations

import pytest

from tests.unit.argo.clusters import mounted, pods, secret_data
from tests.unit.argo.plans import plan, single, task
from translator.argo.faults import TranslationError
from translator.argo.secret_book import SecretBook, file_bytes
from translator.argo.target import ArgoTarget, Limits
from translator.argo.translation import translate
from translator.plan.model import FilePlan

SMALL = ArgoTarget(limits=Limits(secret_bytes=2000))


def file(path: str, contents: str = "x", **fields: bool) -> FilePlan:
    return FilePlan(path=path, contents=contents, **fields)


def test_files_lie_at_their_exact_paths() -> None:
    # design §5: "Files: Secret subPath mounts at their exact paths."
    files = (file("/tmp/run.sh", "echo {{item}}"), file("/etc/a b.conf", "aGk=", base64=True), file("rel.txt", "r"))
    translation = translate(plan(single("a", files=files)), ArgoTarget())
    pod = pods(translation)["a"]
    assert mounted(translation, pod, "/tmp/run.sh") == b"echo {{item}}"
    assert mounted(translation, pod, "/etc/a b.conf") == b"hi"
    assert mounted(translation, pod, "/rel.txt") == b"r"
    assert pod.mount("/tmp/run.sh")["readOnly"] is True
    # workflow-spec.md §8.3: "mode 0644".
    assert pod.volume("osmo-files")["projected"]["defaultMode"] == 0o644


def test_braces_in_a_path_are_no_tag_of_argo() -> None:
    # argo.md §2.11: "Argo replaces {{…}} in every string of a template."
    path = "/tmp/{{workflow.name}}/{{inputs.parameters.key}}.j2"
    translation = translate(plan(single("a", files=(file(path, "body"),))), ArgoTarget())
    assert mounted(translation, pods(translation)["a"], path) == b"body"


def test_files_in_the_output_directory_are_seen_by_the_sidecar() -> None:
    # workflow-spec.md §8.3: "Files under /osmo/data/output/ are also mounted in ctrl."
    translation = translate(plan(single("a", files=(file("/osmo/data/output/meta.yaml", "m"),))), ArgoTarget())
    pod = pods(translation)["a"]
    assert mounted(translation, pod, "/osmo/data/output/meta.yaml", "osmo-ctrl") == b"m"
    assert mounted(translation, pod, "/osmo/data/output/meta.yaml") == b"m"


def test_equal_files_are_stored_once() -> None:
    # workflow-spec.md §8.3: "content-addressed … so equal files share".
    body = "b" * 5000
    made = plan(*(single(f"t{n}", files=(file(f"/f{n}", body), file("/own", str(n)))) for n in range(20)))
    translation = translate(made, ArgoTarget())
    assert sum(len(content) for entries in secret_data(translation).values() for content in entries.values()) < 15000
    for n in range(20):
        pod = pods(translation)[f"t{n}"]
        assert mounted(translation, pod, f"/f{n}") == body.encode()
        assert mounted(translation, pod, "/own") == str(n).encode()


def test_tasks_that_differ_in_content_only_share_a_template() -> None:
    made = plan(*(single(f"t{n}", files=(file("/run.sh", f"echo {n}"),)) for n in range(50)))
    assert len({pod.template["name"] for pod in pods(translate(made, ArgoTarget())).values()}) == 1


def test_big_runs_are_spread_over_several_secrets() -> None:
    # argo-verified.md §5.1: "One Secret holds 1 MB: spread argv and files of big runs over several".
    made = plan(*(single(f"t{n}", args=("y" * 300,)) for n in range(20)))
    translation = translate(made, SMALL)
    runs = {name: entries for name, entries in secret_data(translation).items() if "-run-" in name}
    assert len(runs) > 1
    assert all(sum(map(len, entries.values())) <= 2000 for entries in runs.values())
    assert set(pods(translation)) == {f"t{n}" for n in range(20)}


def test_what_no_secret_can_hold_is_refused() -> None:
    with pytest.raises(TranslationError, match="at most 2000 bytes"):
        translate(plan(single("a", args=("y" * 3000,))), SMALL)


@pytest.mark.parametrize("contents", ["no base64!", "a", "é"])
def test_bad_base64_is_refused(contents: str) -> None:
    with pytest.raises(TranslationError, match='base64 in file "/f"'):
        file_bytes(file("/f", contents, base64=True))


def test_base64_may_be_broken_into_lines() -> None:
    assert file_bytes(file("/f", "aGVs\nbG8=\n", base64=True)) == b"hello"


@pytest.mark.parametrize("path", ["/a:b", "/a\ue000b", "/a\0b"])
def test_paths_that_cannot_be_mounted_are_refused(path: str) -> None:
    with pytest.raises(TranslationError, match="Rename it"):
        translate(plan(single("a", files=(file(path),))), ArgoTarget())


def test_same_things_in_the_same_order_give_the_same_secrets() -> None:
    def filled() -> dict[str, dict[str, bytes]]:
        book = SecretBook("w", 500)
        tasks = [task(f"t{n}", files=(file("/f", "same"), file("/g", str(n)))) for n in range(9)]
        book.share_files(tasks)
        for number, made in enumerate(tasks):
            book.put(made, f"t{number}", {"run": b"r" * 100}, [])
        return book.secrets()

    assert filled() == filled()
    assert list(filled()) == ["w-files-0", "w-run-0", "w-run-1", "w-run-2"]
