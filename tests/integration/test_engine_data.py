"""Inputs, outputs, KPIs and checkpoints of tasks on the local engine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.ports import Run
from runtime.passport import read_passport
from storage.credentials import DataCredential
from storage.datasets.manifest import manifest_of
from tests.integration.engine_scene import ISOLATIONS, Memory, Scene, eventually, group, run, scene, task
from tests.object_store import S3Server
from translator.lifecycle.effects import RestartInPlace
from translator.lifecycle.words import TaskStatus
from translator.plan.model import CheckpointPlan, Kpi, TaskInput, TaskName, UrlInput, UrlOutput, WorkflowId


@pytest.fixture(scope="module", params=ISOLATIONS)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A running engine for all tests of this file, once per isolation."""
    with scene(tmp_path_factory.mktemp("engine"), isolation=request.param) as running:
        yield running


def files_below(directory: Path) -> list[str]:
    """The files of a directory, by relative path."""
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


def ended_well(memory: Memory, name: str) -> None:
    """Wait for a task and see that it completed."""
    end = memory.end(name)
    assert (end.status, end.exit_code) == (TaskStatus.COMPLETED, 0), memory.system_log(name)


def make(stage: Scene, script: str) -> WorkflowId:
    """The id of a workflow whose task `make` has run a script in its output directory."""
    first = run(task("make", f"cd /osmo/data/output; {script}"))
    stage.run(first).end("make")
    return first.plan.workflow_id


def use(stage: Scene, workflow: WorkflowId, script: str, regex: str = "") -> Memory:
    """What a task tells that reads `make` of a workflow."""
    fetched = TaskInput(index=0, task=TaskName("make"), workflow_id=workflow, regex=regex)
    memory = stage.run(run(task("use", f"cd /osmo/data/input/0; {script}", inputs=(fetched,))))
    ended_well(memory, "use")
    return memory


def test_a_task_reads_what_another_wrote_with_its_layout(stage: Scene) -> None:
    """§6.2 a consumer reads W/<workflow>/<task>; §6.4 the whole sub-tree keeps its relative layout."""
    workflow = make(stage, "mkdir -p a/b; echo deep > 'a/b/ü +%&.txt'; echo top > t; printf x > '.hidden'")
    memory = use(stage, workflow, "cat 'a/b/ü +%&.txt' t .hidden")
    assert memory.log("use") == ["deep", "top", "x"]
    start, end = memory.data("use")[:2]
    assert start.input_download_start_time
    assert end.input_download_end_time


def test_input_regex_is_matched_at_the_start_of_the_relative_path(stage: Scene) -> None:
    """§6.4 re.match: anchored at start, not end."""
    workflow = make(stage, "mkdir d; touch a.txt a.txt.bak b.csv d/a.txt")
    assert use(stage, workflow, "find . -type f | sort", r"a\.txt").log("use") == ["./a.txt", "./a.txt.bak"]


def test_output_is_uploaded_although_the_command_failed(stage: Scene) -> None:
    """§6.3 after the command ends, whatever its exit code."""
    workflow = make(stage, "echo partial > f; exit 3")
    assert use(stage, workflow, "cat f").log("use") == ["partial"]


def test_an_empty_output_is_no_error_and_an_empty_input_a_warning(stage: Scene) -> None:
    """§6.3 skipped when the directory is empty; empty download result = warning only."""
    memory = use(stage, make(stage, "true"), "ls | wc -l")
    assert memory.log("use") == ["0"]
    assert any(line.startswith("Warning: input 0 from task make") for line in memory.system_log("use"))


def test_url_inputs_and_outputs(stage: Scene, tmp_path: Path) -> None:
    """§6.2 outputs go to their urls; §6.4 a URI of one object is saved under its base name, regex ignored."""
    shared = f"file://{tmp_path}/out"
    writer = task(
        "w",
        "echo x > /osmo/data/output/keep.txt; echo y > /osmo/data/output/drop.log",
        outputs=(UrlOutput(url=shared, regex=r".*\.txt$"), UrlOutput(url=f"{shared}-all")),
        keeps_intermediate=False,
    )
    first = run(writer)
    ended_well(stage.run(first), "w")
    assert files_below(tmp_path) == ["out-all/drop.log", "out-all/keep.txt", "out/keep.txt"]
    assert files_below(stage.root / "data" / first.plan.workflow_id) == [".argosmo/passports/w/0.json"]
    inputs = (UrlInput(index=0, url=shared), UrlInput(index=1, url=f"{shared}/keep.txt", regex="nothing"))
    memory = stage.run(run(task("r", "cat /osmo/data/input/0/keep.txt /osmo/data/input/1/keep.txt", inputs=inputs)))
    ended_well(memory, "r")
    assert memory.log("r") == ["x", "x"]


def test_a_store_without_key_fails_the_task_and_names_what_is_missing(stage: Scene) -> None:
    """§5.6 2013 data access check could not be done; the command is not run."""
    memory = stage.run(run(task("t", "echo ran", inputs=(UrlInput(index=0, url="gs://bucket/x"),))))
    end = memory.end("t")
    assert (end.status, end.exit_code) == (TaskStatus.FAILED, 2013)
    assert "No credential for gs://bucket. Store one with `credential set`, of type DATA." in end.message
    assert not memory.log("t")


def with_keys(this: Run, *keys: DataCredential) -> Run:
    """A workflow whose owner has stored keys."""
    return replace(this, data_keys={key.endpoint: key for key in keys})


def test_an_object_store_is_opened_with_the_owners_key(stage: Scene, s3: S3Server) -> None:
    """§6.2, §6.4 outputs go to their urls, inputs come from theirs, by the user's DATA credential."""
    url = f"s3://bucket/{stage.engine.isolation.replace(' ', '-')}"
    writer = task("w", "echo x > /osmo/data/output/f", outputs=(UrlOutput(url=url),))
    ended_well(stage.run(with_keys(run(writer), s3.credential())), "w")
    reader = task("r", "cat /osmo/data/input/0/f", inputs=(UrlInput(index=0, url=url),))
    memory = stage.run(with_keys(run(reader), s3.credential("reader")))
    ended_well(memory, "r")
    assert memory.log("r") == ["x"]


@pytest.mark.parametrize("key", [{"identity": "reader"}, {"secret": "wrong-secret-key"}])
def test_a_key_that_does_not_open_it_fails_the_task_before_the_command(
    stage: Scene, s3: S3Server, key: dict[str, str]
) -> None:
    """§6.3 check write access of URL outputs; §5.6 2014 data access denied."""
    url = f"s3://bucket/refused-{stage.engine.isolation.replace(' ', '-')}"
    writer = task("w", "echo ran", outputs=(UrlOutput(url=url),))
    memory = stage.run(with_keys(run(writer), s3.credential(**key)))
    end = memory.end("w")
    assert (end.status, end.exit_code) == (TaskStatus.FAILED, 2014)
    assert "Data access was denied: WRITE of s3://bucket/refused" in end.message
    assert memory.log("w") == []
    assert s3.keys("refused") == []
    # Keys to data are not the program's.
    assert not any("secret-key" in line for line in (*memory.log("w"), *memory.system_log("w"), end.message))


def test_an_output_without_a_place_fails_before_the_command_runs(stage: Scene) -> None:
    """§5.6 2012 output upload failed."""
    memory = stage.run(run(task("t", "echo ran", outputs=(UrlOutput(url="ftp://bucket/x"),))))
    assert memory.end("t").exit_code == 2012
    assert not memory.log("t")


def test_a_failed_upload_fails_the_task(stage: Scene, tmp_path: Path) -> None:
    """§5.6 one code: the maximum over failed containers."""
    (tmp_path / "file").write_text("in the way")
    member = task("t", "echo x > /osmo/data/output/f; exit 7", outputs=(UrlOutput(url=f"file://{tmp_path}/file/sub"),))
    end = stage.run(run(member)).end("t")
    assert (end.status, end.exit_code) == (TaskStatus.FAILED, 2012)


def test_kpis_go_to_the_intermediate_location(stage: Scene, tmp_path: Path) -> None:
    """§6.2 each kpis entry: file path -> W/wf/t[/dirname(path)]."""
    member = task(
        "t",
        "mkdir /osmo/data/output/m; echo 1 > /osmo/data/output/m/k.json; echo 2 > /osmo/data/output/other",
        outputs=(UrlOutput(url=f"file://{tmp_path}/out"),),
        keeps_intermediate=False,
        kpis=(Kpi(index="k", path="m/k.json"), Kpi(index="gone", path="not/there.json")),
    )
    first = run(member)
    memory = stage.run(first)
    ended_well(memory, "t")
    assert files_below(stage.root / "data" / first.plan.workflow_id / "t") == ["m/k.json"]
    assert any("KPI gone" in line for line in memory.system_log("t"))


def test_what_is_uploaded_is_in_the_passport(stage: Scene, tmp_path: Path) -> None:
    """Each task's outputs have a list with sizes and SHA-256, beside the data and never an input."""
    script = "cd /osmo/data/output; mkdir d; printf hello > d/f; printf x > g.log"
    digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    member = task(
        "t",
        f"{script}; exit 3",
        image="registry/x@sha256:1234",
        outputs=(UrlOutput(url=f"file://{tmp_path}/out", regex="d/"),),
        kpis=(Kpi(index="k", path="d/f"),),
    )
    first = run(member)
    assert stage.run(first).end("t").exit_code == 3
    kept = stage.root / "data" / first.plan.workflow_id
    found = read_passport((kept / ".argosmo/passports/t/0.json").read_bytes())
    assert (found.workflow_id, found.task, found.retry_id) == (first.plan.workflow_id, "t", 0)
    assert (found.group, found.image_digest, found.complete) == ("t-group", "sha256:1234", True)
    assert [(place.url, place.kind, place.file_count, place.total_bytes) for place in found.places] == [
        (f"file://{kept}/t", "intermediate", 2, 6),
        (f"file://{tmp_path}/out", "output", 1, 5),
        (f"file://{kept}/t", "kpi", 1, 5),
    ]
    assert [(file.path, file.size, file.sha256) for file in found.places[1].files] == [("d/f", 5, digest)]
    assert found.places[1].manifest == found.places[2].manifest == manifest_of(found.places[1].files).id


def test_the_passport_of_a_failed_upload_says_what_was_finished(stage: Scene, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    first = run(task("t", "echo x > /osmo/data/output/f", outputs=(UrlOutput(url=f"file://{tmp_path}/file/sub"),)))
    assert stage.run(first).end("t").exit_code == 2012
    kept = stage.root / "data" / first.plan.workflow_id
    found = read_passport((kept / ".argosmo/passports/t/0.json").read_bytes())
    assert (found.complete, [place.kind for place in found.places]) == (False, ["intermediate"])


def test_links_lead_nowhere_but_inside(stage: Scene, tmp_path: Path) -> None:
    """Never follow symlinks out of the root; a link to what the task has itself is followed."""
    secret = tmp_path / "secret"
    secret.write_text("host secret")
    script = f"""
    echo data > real; mkdir sub; ln -s real relative; ln -s /osmo/data/output/real absolute; ln -s ../real sub/up
    ln -s {secret} out; ln -s / root; ln -s ../../../../../../../../../../../..{secret} climbs; ln -s sub dir
    ln -s . loop; mkfifo pipe; ln -s nowhere dangling; ln -s selfish selfish
    """
    first = run(task("make", f"cd /osmo/data/output; {script}"))
    memory = stage.run(first)
    ended_well(memory, "make")
    kept = stage.root / "data" / first.plan.workflow_id / "make"
    assert files_below(kept) == ["absolute", "dir/up", "real", "relative", "sub/up"]
    assert {(kept / name).read_text() for name in files_below(kept)} == {"data\n"}
    notes = "\n".join(memory.system_log("make"))
    for name in ("out", "root", "climbs", "loop", "pipe", "dangling", "selfish"):
        assert f"Warning: {name} is left out" in notes


def test_an_output_may_link_to_an_input(stage: Scene) -> None:
    workflow = make(stage, "echo first > f")
    first = run(
        task(
            "pass",
            "ln -s /osmo/data/input/0/f /osmo/data/output/g",
            inputs=(TaskInput(index=0, task=TaskName("make"), workflow_id=workflow),),
        )
    )
    ended_well(stage.run(first), "pass")
    assert (stage.root / "data" / first.plan.workflow_id / "pass/g").read_text() == "first\n"


def test_files_of_strange_names_come_through(stage: Scene) -> None:
    names = ["new\nline", "-rf", "back\\slash", "quote'\"", " blank ", "*", "$(x)", "..hidden", "…", "x" * 255]
    script = "\n".join(f"printf '%s' {index} > \"$(printf '{octal(name)}')\"" for index, name in enumerate(names))
    workflow = make(stage, script)
    kept = stage.root / "data" / workflow / "make"
    assert {name: (kept / name).read_text() for name in os.listdir(kept)} == {
        name: str(index) for index, name in enumerate(names)
    }


def octal(name: str) -> str:
    """A name as `printf` of a shell takes it."""
    return "".join(f"\\{byte:03o}" for byte in name.encode())


def test_the_last_checkpoint_is_taken_after_the_command(stage: Scene, tmp_path: Path) -> None:
    """§6.6 one last upload after the command ended; /a/b uploads the directory under its base name."""
    member = task(
        "t",
        "mkdir -p /tmp/model/sub; echo w > /tmp/model/w.bin; echo s > /tmp/model/sub/s; echo no > /tmp/model/x.log",
        checkpoints=(
            CheckpointPlan(path="/tmp/model", url=f"file://{tmp_path}/dir", frequency_seconds=3600),
            CheckpointPlan(path="/tmp/model/*", url=f"file://{tmp_path}/glob", frequency_seconds=3600),
            CheckpointPlan(path="/tmp/model/w.bin", url=f"file://{tmp_path}/one", frequency_seconds=3600),
            CheckpointPlan(path="/tmp/m*", url=f"file://{tmp_path}/re", frequency_seconds=3600, regex="model/sub"),
            CheckpointPlan(path="/not/there", url=f"file://{tmp_path}/none", frequency_seconds=3600),
        ),
    )
    ended_well(stage.run(run(member)), "t")
    assert files_below(tmp_path) == [
        "dir/model/sub/s",
        "dir/model/w.bin",
        "dir/model/x.log",
        "glob/sub/s",
        "glob/w.bin",
        "glob/x.log",
        "one/w.bin",
        "re/model/sub/s",
    ]


def test_checkpoints_are_taken_while_the_command_runs(stage: Scene, tmp_path: Path) -> None:
    """§6.6 wait frequency, upload, repeat; in the task's own file system."""
    script = "mkdir /tmp/c; i=0; while :; do i=$((i+1)); echo $i > /tmp/c/.n; mv /tmp/c/.n /tmp/c/n; sleep 0.05; done"
    point = CheckpointPlan(path="/tmp/c", url=f"file://{tmp_path}", frequency_seconds=1)
    first = run(task("t", script, checkpoints=(point,)))
    memory = stage.run(first)
    uploaded = tmp_path / "c/n"
    eventually(uploaded.exists)
    one = uploaded.read_text()
    eventually(lambda: uploaded.read_text() != one)
    stage.delete(first, force=True)
    assert memory.statuses("t")[-1] is TaskStatus.RUNNING


def test_the_last_checkpoint_is_taken_of_a_command_that_is_cancelled(stage: Scene, tmp_path: Path) -> None:
    """§6.6 one last upload after the command ended, on SIGTERM within the grace period; §5.8 outputs lost."""
    script = (
        "trap 'echo late > /tmp/c/f; exit 0' TERM; mkdir -p /tmp/c; echo lost > /osmo/data/output/o; "
        "echo ready; while :; do sleep 0.05; done"
    )
    point = CheckpointPlan(path="/tmp/c/*", url=f"file://{tmp_path}/ck", frequency_seconds=3600)
    first = run(task("t", script, checkpoints=(point,), outputs=(UrlOutput(url=f"file://{tmp_path}/out"),)))
    memory = stage.run(first)
    memory.wait(lambda: "ready" in memory.log("t"))
    stage.delete(first)
    assert files_below(tmp_path) == ["ck/f"]
    assert (tmp_path / "ck/f").read_text() == "late\n"


def test_no_last_checkpoint_holds_up_a_forced_end(stage: Scene, tmp_path: Path) -> None:
    """§5.8 grace 0 with `force`."""
    point = CheckpointPlan(path="/tmp/c/*", url=f"file://{tmp_path}/ck", frequency_seconds=3600)
    first = run(task("t", "mkdir /tmp/c; touch /tmp/c/f; echo ready; sleep 1000", checkpoints=(point,)))
    memory = stage.run(first)
    memory.wait(lambda: "ready" in memory.log("t"))
    stage.delete(first, force=True)
    assert files_below(tmp_path) == []


def test_a_failed_checkpoint_ends_the_task(stage: Scene, tmp_path: Path) -> None:
    """§6.6 Failure of an upload kills the wrapper."""
    (tmp_path / "file").write_text("in the way")
    point = CheckpointPlan(path="/tmp/c", url=f"file://{tmp_path}/file/sub", frequency_seconds=1)
    end = stage.run(run(task("t", "echo x > /tmp/c; sleep 1000", checkpoints=(point,)))).end("t")
    assert (end.status, end.exit_code) == (TaskStatus.FAILED, 2012)
    assert "Checkpoint upload failed" in end.message


def test_inputs_stay_over_a_restart_and_outputs_of_the_killed_run_are_not_uploaded(stage: Scene) -> None:
    workflow = make(stage, "echo in > f")
    script = "cat /osmo/data/input/0/f; echo half > /osmo/data/output/h; test -e /tmp/again && exit 0; touch /tmp/again"
    helper = task(
        "h",
        f"{script}; echo ready; sleep 1000",
        inputs=(TaskInput(index=0, task=TaskName("make"), workflow_id=workflow),),
    )
    # Without a barrier, because the new attempt of the lead, for which it would wait, never comes here.
    first = run(group("g", task("lead", "sleep 1000"), helper, barrier=False))
    memory = stage.run(first)
    memory.wait(lambda: "ready" in memory.log("h"))
    kept = stage.root / "data" / first.plan.workflow_id
    stage.apply(first, RestartInPlace(tasks=(TaskName("h"),), because_of=TaskName("lead"), retry_id=1))
    assert memory.end("h").exit_code == 0
    assert memory.log("h") == ["in", "ready", "in"]
    assert len([fact for fact in memory.data("h") if fact.input_download_start_time]) == 1
    assert files_below(kept) == [".argosmo/passports/h/0.json", "h/h"]
    stage.delete(first, force=True)


def test_cancelled_uploads_are_lost_and_leave_no_half_files(stage: Scene, tmp_path: Path) -> None:
    """§5.8 pods deleted, outputs lost."""
    script = "cd /osmo/data/output; for i in 1 2 3; do head -c 100000000 /dev/zero > big$i; done"
    first = run(task("t", script, outputs=(UrlOutput(url=f"file://{tmp_path}/out"),), keeps_intermediate=False))
    memory = stage.run(first)
    memory.wait(lambda: [fact for fact in memory.data("t") if fact.output_upload_start_time])
    stage.delete(first)
    left = files_below(tmp_path)
    assert all((tmp_path / name).stat().st_size == 100000000 for name in left)
    assert not [name for name in left if "argosmo-part" in name]
