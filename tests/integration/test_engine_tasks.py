"""Single tasks on the local engine, in every isolation that this machine allows."""

from __future__ import annotations

import base64
import resource
import socket
from collections.abc import Iterator

import pytest

from engine.settings import IsolationChoice
from tests.integration.engine_scene import ISOLATIONS, MACHINE, Scene, run, scene, task
from translator.lifecycle.facts import GroupCreationFailed
from translator.lifecycle.words import TaskStatus
from translator.plan.model import CredentialEnv, CredentialFiles, FilePlan, ResourceRequest

OK = [TaskStatus.SCHEDULING, TaskStatus.INITIALIZING, TaskStatus.RUNNING, TaskStatus.COMPLETED]
BROKEN = [*OK[:3], TaskStatus.FAILED]


@pytest.fixture(scope="module", params=ISOLATIONS)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A running engine for all tests of this file, once per isolation."""
    isolation: IsolationChoice = request.param
    with scene(tmp_path_factory.mktemp("engine"), isolation=isolation) as running:
        yield running


def test_a_task_goes_through_all_statuses_and_names_its_node(stage: Scene) -> None:
    """§5.2 SCHEDULING, INITIALIZING, RUNNING, and COMPLETED with exit code 0."""
    memory = stage.run(run(task("t", "echo Hello; echo again")))
    end = memory.end("t")
    assert (end.status, end.exit_code, end.message) == (TaskStatus.COMPLETED, 0, "")
    assert memory.statuses("t") == OK
    assert {fact.node for fact in memory.seen("t")[1:3]} == {MACHINE.name}
    assert memory.log("t") == ["Hello", "again"]
    assert memory.system_log("t") == ["No Files in Output Folder"]
    assert memory.events_of("t") == ["Scheduled", "Started"]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("exit 42",), 42),
        (("exit 137",), 137),
        (("exit 255",), 255),
        (("kill -KILL $$",), 255),
        (("kill -TERM $$",), 255),
        (("kill -SEGV $$",), 255),
        (("/no/such/program", "x"), 2),
        (("no-such-program", "x"), 2),
        (("/etc/passwd", "x"), 2),
        (("/tmp", "x"), 2),
    ],
)
def test_exit_codes(stage: Scene, command: tuple[str, ...], code: int) -> None:
    """§5.6 1-255 as returned; killed by a signal -> 255; command cannot be started -> 2."""
    memory = stage.run(run(task("t", *command)))
    end = memory.end("t")
    assert (end.status, end.exit_code) == (TaskStatus.FAILED, code)
    assert memory.statuses("t") == BROKEN


def test_a_command_that_cannot_be_started_says_so(stage: Scene) -> None:
    memory = stage.run(run(task("t", "/no/such/program", "x")))
    memory.end("t")
    assert memory.system_log("t")[0] == "Cannot start the command: /no/such/program: No such file or directory"


def test_a_command_is_of_its_own_and_has_the_limits_of_the_engine(stage: Scene) -> None:
    """It leads its session, is killed before the engine when memory runs out, and reads from nowhere."""
    script = "ps -o sid= -p $$ | tr -d ' '; echo $$; ulimit -Sn; cat /proc/self/oom_score_adj; pwd; cat; echo done"
    memory = stage.run(run(task("t", script)))
    memory.end("t")
    session, own, files, badness, directory, done = memory.log("t")
    assert session == own
    assert files == str(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    assert badness == "1000"
    assert directory.endswith("/osmo/run/workspace")
    assert done == "done"


def test_standard_error_is_logged_and_all_lines_come_before_the_end(stage: Scene) -> None:
    """§8.4 stdout and stderr line by line."""
    memory = stage.run(run(task("t", "echo out; echo err >&2; printf 'no newline at the end'")))
    end = memory.end("t")
    assert sorted(memory.log("t")) == ["err", "no newline at the end", "out"]
    assert memory.story[-1] == end


def test_a_background_process_that_keeps_an_output_open_keeps_the_task_running(stage: Scene) -> None:
    """§8.1 The command counts as ended when stdout and stderr are closed."""
    memory = stage.run(run(task("t", "(sleep 0.2; echo late) & (sleep 0.3; echo later >&2) >/dev/null & echo early")))
    assert memory.end("t").exit_code == 0
    assert memory.log("t") == ["early", "late", "later"]


def test_a_background_process_without_outputs_does_not_keep_it(stage: Scene) -> None:
    """§8.1; and nothing of the task outlives it."""
    first = run(task("t", "sleep 1000 >/dev/null 2>&1 & setsid sleep 1000 >/dev/null 2>&1 & echo done"))
    memory = stage.run(first)
    assert memory.end("t").exit_code == 0
    stage.delete(first)


def test_standard_input_is_empty(stage: Scene) -> None:
    """§8.1 Stdin is /dev/null."""
    memory = stage.run(run(task("t", "cat; echo end")))
    assert memory.end("t").exit_code == 0
    assert memory.log("t") == ["end"]


def test_directories_of_a_task(stage: Scene) -> None:
    """§6.1 /osmo/data/output, /osmo/run/workspace, /osmo/login/config exist; the working directory can be written."""
    script = """
    for d in /osmo/data/input /osmo/data/output /osmo/run/workspace /osmo/login/config; do
        test -d $d || echo no $d
    done
    touch here && test -e /osmo/run/workspace/here && echo relative
    mkdir -p "$HOME/.cache/x" && echo home
    test -w /tmp && touch /tmp/x && echo tmp
    """
    memory = stage.run(run(task("t", script)))
    assert memory.end("t").exit_code == 0
    assert memory.log("t") == ["relative", "home", "tmp"]


def test_environment(stage: Scene) -> None:
    """§8.2; values are expanded from variables defined before, and $$( is how one writes $(."""
    given = {"GREETING": "hello", "FULL": "$(GREETING)-world", "EARLY": "$(LATE)", "LATE": "x", "LITERAL": "$$(LATE)"}
    script = 'printf \'%s\n\' \'$(FULL)\' "$EARLY" "$LITERAL" \'$(UNKNOWN_X)\' "[$NVIDIA_VISIBLE_DEVICES]" "$PATH"'
    memory = stage.run(run(task("t", script, environment=given)))
    assert memory.end("t").exit_code == 0
    *values, path = memory.log("t")
    assert values == ["hello-world", "$(LATE)", "$(LATE)", "$(UNKNOWN_X)", "[]"]
    assert path.endswith("/osmo/usr/bin")


def test_the_environment_of_the_engine_is_not_handed_on(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE_SECRET", "do-not-leak")
    memory = stage.run(run(task("t", "env; cat /proc/$PPID/environ 2>/dev/null | tr '\\0' '\\n'; true")))
    memory.end("t")
    assert not [line for line in memory.log("t") if "do-not-leak" in line]


def test_credentials_as_variables_and_files(stage: Scene) -> None:
    """§2.13 every key becomes a file; §8.4 values of credentials (8 characters and more) are [MASKED]."""
    member = task(
        "t",
        'echo "token $TOKEN"; echo "short $SHORT"; cd /srv/creds; cat token; wc -c < token; stat -c %a pin',
        credential_env=(
            CredentialEnv(variable="TOKEN", credential="c", key="token"),
            CredentialEnv(variable="SHORT", credential="c", key="pin"),
        ),
        credential_files=(CredentialFiles(directory="/srv/creds", credential="c"),),
    )
    memory = stage.run(run(member, credentials={"c": {"token": "s3cr3t-value", "pin": "1234567"}}))
    assert memory.end("t").exit_code == 0
    assert memory.log("t") == ["token [MASKED]", "short 1234567", "[MASKED]12", "644"]


def test_a_missing_credential_fails_the_creation(stage: Scene) -> None:
    """§5.2 building the objects of the group failed."""
    member = task("t", "true", "", credential_env=(CredentialEnv(variable="T", credential="none", key="k"),))
    memory = stage.run(run(member))
    failed = memory.wait(lambda: [fact for _, fact in memory.all_facts if isinstance(fact, GroupCreationFailed)])
    assert failed[0].group == "t-group"
    assert 'credential "none"' in failed[0].message


def test_files_at_exact_paths(stage: Scene) -> None:
    """§2.11 path is where it is mounted; §8.3 mode 0644; base64 contents are decoded."""
    member = task(
        "t",
        """
        sh /srv/job/deep/run.sh; cat /srv/job/data.bin; stat -c %a /srv/job/deep/run.sh
        cat /tmp/here.txt; ls /osmo/data/output
        """,
        files=(
            FilePlan(path="/srv/job/deep/run.sh", contents="echo ran; echo ümlaut\n"),
            FilePlan(path="/srv/job/data.bin", contents=base64.b64encode(b"binary\n").decode(), base64=True),
            FilePlan(path="tmp/here.txt", contents="in tmp\n"),
            FilePlan(path="/osmo/data/output/meta.yaml", contents="a: 1\n"),
        ),
    )
    first = run(member)
    memory = stage.run(first)
    assert memory.end("t").exit_code == 0
    assert memory.log("t") == ["ran", "ümlaut", "binary", "644", "in tmp", "meta.yaml"]
    assert (stage.root / "data" / first.plan.workflow_id / "t/meta.yaml").read_text() == "a: 1\n"


def test_a_file_that_is_no_base64_fails_the_creation(stage: Scene) -> None:
    memory = stage.run(run(task("t", "true", "", files=(FilePlan(path="/srv/f", contents="%", base64=True),))))
    failed = memory.wait(lambda: [fact for _, fact in memory.all_facts if isinstance(fact, GroupCreationFailed)])
    assert "not base64" in failed[0].message


def test_gpus_are_granted_and_shown(stage: Scene) -> None:
    """CUDA_VISIBLE_DEVICES for the granted ones; §8.2 NVIDIA_VISIBLE_DEVICES is empty without a request."""
    script = 'echo "$CUDA_VISIBLE_DEVICES|$NVIDIA_VISIBLE_DEVICES"'
    granted = stage.run(run(task("t", script, resources=ResourceRequest(gpu=2))))
    assert granted.end("t").exit_code == 0
    assert granted.log("t") == ["0,1|0,1"]
    without = stage.run(run(task("t", script)))
    without.end("t")
    assert without.log("t") == ["|"]


def test_a_loopback_address_of_its_own(stage: Scene) -> None:
    """Groups share one host: {{host:x}} is a loopback address, reached from the machine too."""
    script = """if True:
        import socket
        server = socket.create_server(("127.77.1.2", 0))
        print(server.getsockname()[1], flush=True)
        server.accept()[0].sendall(b"hi")
    """
    memory = stage.run(run(task("t", "python3", "-c", script, host="127.77.1.2")))
    port = int(memory.wait(lambda: memory.log("t"))[0])
    with socket.create_connection(("127.77.1.2", port)) as connection:
        assert connection.recv(2) == b"hi"
    assert memory.end("t").exit_code == 0
    assert memory.seen("t")[2].pod_ip == "127.77.1.2"


def test_long_lines_odd_bytes_and_carriage_returns(stage: Scene) -> None:
    """§8.4 lines above 32 KiB are cut in pieces."""
    script = "printf '%070000d\\n' 7; printf '\\377\\376x\\n'; printf 'a\\r\\n'; printf '10%%\\r20%%\\r30%%\\n'"
    memory = stage.run(run(task("t", script)))
    memory.end("t")
    log = memory.log("t")
    assert [len(line) for line in log[:3]] == [32768, 32768, 70000 - 2 * 32768]
    assert log[3:] == ["\ufffd\ufffdx", "a", "30%"]


def test_many_lines_arrive_whole_and_in_order(stage: Scene) -> None:
    memory = stage.run(run(task("t", "seq 1 50000")))
    memory.end("t")
    assert memory.log("t") == [str(number) for number in range(1, 50001)]
