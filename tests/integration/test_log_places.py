"""Logs in a directory and on a real S3 server: moved there, read from there, never lost, whoever reads."""

from __future__ import annotations

import gzip
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from engine.ports import LogLine
from gateway.ports.faults import LogGone, LogUnreachable
from gateway.ports.logs import LogQuery
from gateway.ports.runs import StateChange
from gateway.services.log_place import LogPlaces
from gateway.store.log_archived import ArchivedLogs
from gateway.store.log_archiving import LogArchiving
from gateway.store.log_pieces import Pieces
from gateway.store.logs import FileLogs
from gateway.store.session import SqlStore, open_store
from pools.config import parse_config
from storage.faults import StoreError
from storage.lanes import NEVER
from tests.e2e.shelves import Shelves
from tests.fakes.faulty_store import Fault, faulty_store
from tests.object_store import S3Server
from tests.workplace import START, insert, line, lines_of, plan
from translator.plan.model import Plan, WorkflowUuid

ATTEMPTS = (("a", 0), ("b", 0), ("b", 1))


@dataclass(slots=True, kw_only=True)
class Side:
    """One gateway's logs. Shape: `place` None where nothing is configured."""

    home: Path
    store: SqlStore
    shelves: Shelves
    place: str | None
    former: tuple[str, ...] = ()
    now: datetime = START

    def __post_init__(self) -> None:
        places = LogPlaces(lambda: parse_config({"c.yaml": self.config().encode()}))
        archived = ArchivedLogs(self.store, places, lambda: self.now)
        self.logs = FileLogs(self.home / "logs", self.store, roll_bytes=400, archived=archived)
        self.moves = LogArchiving(
            root=self.home / "logs",
            store=self.store,
            places=places,
            archived=archived,
            now=lambda: self.now,
            stopped=NEVER,
        )

    logs: FileLogs = None  # type: ignore[assignment]
    moves: LogArchiving = None  # type: ignore[assignment]

    def config(self) -> str:
        """The configuration as it is now."""
        current = "" if self.place is None else f"credential: {self.credential(self.place)}"
        former = ", ".join(map(self.credential, self.former))
        return f"workflow: {{workflow_log: {{former: [{former}], {current}}}}}"

    def credential(self, place: str) -> str:
        """What opens a place."""
        if self.shelves.s3 is None:
            return f'{{endpoint: "{place}"}}'
        key = self.shelves.s3.credential()
        return (
            f'{{endpoint: "{place}", override_url: "{key.override_url}", addressing_style: path, '
            f"access_key_id: {key.access_key_id}, access_key: {key.access_key}}}"
        )

    def names(self) -> list[str]:
        """What is in the place."""
        assert self.place is not None
        return sorted(self.shelves.below(self.place))


@pytest.fixture(params=["directory", pytest.param("s3", marks=pytest.mark.xdist_group("s3"))])
def side(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Side]:
    """A gateway whose logs go to either kind of place."""
    server: S3Server | None = request.getfixturevalue("s3") if request.param == "s3" else None
    with sided(tmp_path, server) as made:
        yield made


@contextmanager
def sided(home: Path, server: S3Server | None = None, url: str = "") -> Iterator[Side]:
    """A gateway with a place of logs."""
    shelves = Shelves(server)
    store = open_store(url or f"sqlite:///{home / 'test.db'}")
    made = Side(home=home / "one", store=store, shelves=shelves, place=shelves.place(home, on_s3=server is not None))
    yield made
    made.logs.close()
    store.close()


def another(side: Side, **changes: object) -> Side:
    """Another gateway on the same database, on another machine."""
    given = {"home": side.home.parent / "other", "place": side.place, **changes}
    return Side(store=side.store, shelves=side.shelves, **given)  # type: ignore[arg-type]


def many(count: int) -> list[LogLine]:
    """Lines of three attempts."""
    found = []
    for number in range(count):
        name, retry_id = ATTEMPTS[number % 3]
        found.append(line(f"line {number} é", name=name, retry_id=retry_id, seconds=number / 7, system=number % 5 == 0))
    return found


def ended(side: Side, count: int = 60, number: int = 1) -> tuple[Plan, list[LogLine]]:
    """A workflow that ended, its log sealed and still here."""
    made = plan(number=number)
    insert(side.store, made)
    lines = many(count)
    for start in range(0, count, 10):
        side.logs.append(made.workflow_uuid, lines[start : start + 10])
    side.logs.seal(made.workflow_uuid)
    seal_row(side.store, made.workflow_uuid)
    return made, lines


def seal_row(store: SqlStore, uuid: WorkflowUuid) -> None:
    """Note that a workflow is sealed, as the mirror does."""
    with store.reading() as reads:
        stored = reads.load_run(uuid)
    assert stored is not None
    with store.writing() as writes:
        writes.save_changes(
            [StateChange(uuid=uuid, fence=stored.owner.fence, before=stored.state, after=stored.state, sealed=True)]
        )


def answers(logs: FileLogs, uuid: WorkflowUuid) -> list[object]:
    """What all kinds of questions get, read and followed."""
    queries = [LogQuery(), LogQuery(last_n_lines=7), LogQuery(last_n_lines=1000), LogQuery(pattern="line .?5")]
    for task, retry_id in ATTEMPTS:
        queries += [
            LogQuery(task=task, retry_id=retry_id),
            LogQuery(task=task, retry_id=retry_id, last_n_lines=4),
            LogQuery(task=task, retry_id=retry_id, pattern="1", last_n_lines=2),
        ]
    found: list[object] = [logs.line_count(uuid)]
    for query in queries:
        found.append(list(logs.read(uuid, query)))
        with logs.follow(uuid, query) as follow:
            followed: list[LogLine] = []
            while not follow.ended:
                followed += follow.advance()
        found.append(followed)
    return found


def test_the_same_question_gets_the_same_answer_wherever_the_log_is(side: Side) -> None:
    """ "Two gateways: a log archived by one is read by the other"."""
    made, lines = ended(side)
    uuid = made.workflow_uuid
    before = answers(side.logs, uuid)
    assert before[1] == lines
    side.moves.attend(uuid)
    assert not Pieces(side.home / "logs", uuid).directory.exists()
    assert answers(side.logs, uuid) == before
    other = another(side)
    assert answers(other.logs, uuid) == before
    # Once more is nothing more.
    names = side.names()
    side.moves.attend(uuid)
    other.moves.attend(uuid)
    assert side.names() == names
    assert answers(other.logs, uuid) == before


def test_the_layout_is_for_people(side: Side) -> None:
    made, lines = ended(side)
    side.moves.attend(made.workflow_uuid)
    root = f"{made.workflow_id}/{made.workflow_uuid}"
    names = side.names()
    pieces = [name for name in names if name.startswith(f"{root}/log/")]
    assert len(pieces) >= 3
    assert set(names) - set(pieces) == {
        f"{root}/tasks/a/0/log.gz",
        f"{root}/tasks/b/0/log.gz",
        f"{root}/tasks/b/1/log.gz",
        f"{root}/events.txt",
    }
    texts = [content(side, name) for name in pieces]
    assert b"".join(map(gzip.decompress, texts)).decode().count("\n") == len(lines)
    attempt = gzip.decompress(content(side, f"{root}/tasks/b/1/log.gz")).decode().splitlines()
    assert attempt[0] == "2026-01-01T12:00:00.285714Z [b retry-1] line 2 é"
    assert len(attempt) == len(lines) // 3


def content(side: Side, name: str) -> bytes:
    """What an object holds."""
    assert side.place is not None
    if side.shelves.s3 is None:
        return Path(side.place.removeprefix("file://"), name).read_bytes()
    return side.shelves.s3.get(f"{side.place.removeprefix(f's3://{side.shelves.s3.bucket}/')}/{name}")


def test_an_attempt_is_read_without_the_rest(side: Side) -> None:
    """The tail of a long log is one request for its last member."""
    made, _ = ended(side, 30)
    side.moves.attend(made.workflow_uuid)
    assert side.place is not None
    with side.store.writing() as writes:
        writes.forget_archived(made.workflow_uuid, ["log/000001.gz"])
    query = LogQuery(task="b", retry_id=1, last_n_lines=2)
    assert lines_of(side.logs, made.workflow_uuid, query) == ["line 26 é", "line 29 é"]


def test_a_change_of_the_setting_loses_nothing(side: Side) -> None:
    """The row says where a log is."""
    assert side.place is not None
    first, _ = ended(side, 20, number=1)
    side.moves.attend(first.workflow_uuid)
    before = answers(side.logs, first.workflow_uuid)
    side.former, side.place = (side.place,), f"{side.place}-new"
    second, lines = ended(side, 10, number=2)
    side.moves.attend(second.workflow_uuid)
    assert all(name.startswith(second.workflow_id) for name in side.names())
    assert answers(side.logs, first.workflow_uuid) == before
    assert list(side.logs.read(second.workflow_uuid, LogQuery())) == lines
    side.former, side.place = (*side.former, side.place), None
    third, _ = ended(side, 10, number=3)
    side.moves.attend(third.workflow_uuid)
    assert Pieces(side.home / "logs", third.workflow_uuid).directory.exists()
    for made in (first, second):
        assert side.logs.line_count(made.workflow_uuid) == len(list(side.logs.read(made.workflow_uuid, LogQuery())))


def test_logs_that_ended_before_there_was_a_place_stay(side: Side) -> None:
    side.place, place = None, side.place
    made, lines = ended(side)
    side.place = place
    side.moves.attend(made.workflow_uuid)
    assert side.names() == []
    assert list(side.logs.read(made.workflow_uuid, LogQuery())) == lines


def test_many_attempts_go_in_several_goes(tmp_path: Path) -> None:
    """More than are taken out of the log at a time."""
    with sided(tmp_path) as side:
        made = plan()
        insert(side.store, made)
        lines = [line(f"line {number}", name=f"t{number % 150}", seconds=number) for number in range(450)]
        for start in range(0, len(lines), 5):
            side.logs.append(made.workflow_uuid, lines[start : start + 5])
        side.logs.seal(made.workflow_uuid)
        seal_row(side.store, made.workflow_uuid)
        side.moves.attend(made.workflow_uuid)
        assert len([name for name in side.names() if "/tasks/" in name]) == 150
        other = another(side)
        assert list(other.logs.read(made.workflow_uuid, LogQuery())) == lines
        for task in ("t0", "t70", "t149"):
            query = LogQuery(task=task, retry_id=0)
            assert list(other.logs.read(made.workflow_uuid, query)) == [each for each in lines if each.task == task]


def test_a_follower_that_began_here_ends_there(tmp_path: Path) -> None:
    with sided(tmp_path) as side:
        made, lines = ended(side, 60)
        with side.logs.follow(made.workflow_uuid, LogQuery()) as follow:
            found = list(Pieces(side.home / "logs", made.workflow_uuid).numbers())
            assert found
            got: list[LogLine] = []
            side.moves.attend(made.workflow_uuid)
            while not follow.ended:
                got += follow.advance()
        assert got == lines


def test_a_missing_object_is_explained(side: Side) -> None:
    made, _ = ended(side)
    side.moves.attend(made.workflow_uuid)
    with side.store.reading() as reads:
        (first, *_) = reads.archived(made.workflow_uuid, "log")
    assert side.place is not None
    root = f"{made.workflow_id}/{made.workflow_uuid}"
    remove(side, f"{root}/{first.name}")
    remove(side, f"{root}/tasks/a/0/log.gz")
    for query in (LogQuery(), LogQuery(task="a", retry_id=0)):
        with pytest.raises(LogGone, match="is there no more"):
            side.logs.follow(made.workflow_uuid, query)
    assert lines_of(side.logs, made.workflow_uuid, LogQuery(task="b", retry_id=0))


def remove(side: Side, name: str) -> None:
    """Take an object away behind our back."""
    assert side.place is not None
    if side.shelves.s3 is None:
        Path(side.place.removeprefix("file://"), name).unlink()
    else:
        key = f"{side.place.removeprefix(f's3://{side.shelves.s3.bucket}/')}/{name}"
        side.shelves.s3.client().delete_object(Bucket=side.shelves.s3.bucket, Key=key)


def test_a_damaged_object_is_explained(tmp_path: Path) -> None:
    with sided(tmp_path) as side:
        made, _ = ended(side, 4)
        side.moves.attend(made.workflow_uuid)
        assert side.place is not None
        path = Path(side.place.removeprefix("file://"), made.workflow_id, made.workflow_uuid, "log/000001.gz")
        path.write_bytes(path.read_bytes()[:-5])
        with pytest.raises(LogGone, match="is damaged"):
            side.logs.read(made.workflow_uuid, LogQuery())


def test_a_log_that_is_on_another_machine_is_explained(side: Side) -> None:
    made, _ = ended(side)
    other = another(side)
    with pytest.raises(LogGone, match="it waits since 2026-01-01 12:00:00 UTC"):
        other.logs.read(made.workflow_uuid, LogQuery())
    assert other.moves.waiting(timedelta(0)) == (made.workflow_uuid,)
    assert other.moves.waiting(timedelta(minutes=1)) == ()
    other.now += timedelta(minutes=2)
    assert other.moves.waiting(timedelta(minutes=1)) == (made.workflow_uuid,)
    other.moves.attend(made.workflow_uuid)
    assert side.names() == []
    with side.store.reading() as reads:
        assert "on the machine of another gateway" in reads.archive_backlog().problem
    side.moves.attend(made.workflow_uuid)
    assert other.moves.waiting(timedelta(0)) == ()
    assert len(list(other.logs.read(made.workflow_uuid, LogQuery()))) == 60


def test_a_place_that_does_not_answer_is_said(tmp_path: Path) -> None:
    with sided(tmp_path) as side:
        made, lines = ended(side)
        assert side.place is not None
        blocked = Path(side.place.removeprefix("file://"))
        blocked.write_text("in the way")
        with pytest.raises(StoreError):
            side.moves.attend(made.workflow_uuid)
        assert list(side.logs.read(made.workflow_uuid, LogQuery())) == lines
        blocked.unlink()
        side.moves.attend(made.workflow_uuid)
        shutil.move(blocked, tmp_path / "away")
        blocked.write_text("in the way")
        with pytest.raises(LogUnreachable, match=r"workflow_log\.former"):
            another(side).logs.read(made.workflow_uuid, LogQuery())


def test_what_came_after_the_end_of_an_attempt_is_in_its_object_too(side: Side) -> None:
    """An attempt's object is put when it ends; late lines make it anew when the workflow ends."""
    made = plan()
    insert(side.store, made)
    uuid = made.workflow_uuid
    side.logs.append(uuid, [line("early", name="a")])
    with side.store.writing() as writes:
        writes._connection.exec_driver_sql("UPDATE tasks SET alive = false")
    side.moves.attend(uuid)
    assert side.names() == [f"{made.workflow_id}/{uuid}/tasks/a/0/log.gz"]
    # A gateway that has nothing of it here shows the attempt while the workflow still runs elsewhere.
    other = another(side)
    assert lines_of(other.logs, uuid, LogQuery(task="a", retry_id=0)) == ["early"]
    side.logs.append(uuid, [line("late", name="a")])
    assert lines_of(side.logs, uuid, LogQuery(task="a", retry_id=0)) == ["early", "late"]
    side.logs.seal(uuid)
    seal_row(side.store, uuid)
    side.moves.attend(uuid)
    assert lines_of(another(side).logs, uuid, LogQuery(task="a", retry_id=0)) == ["early", "late"]


def test_removal_takes_all_that_is_ours_and_nothing_else(side: Side) -> None:
    made, _ = ended(side, number=1)
    side.moves.attend(made.workflow_uuid)
    assert side.place is not None
    neighbour = f"{made.workflow_id}/{made.workflow_uuid}x/log/000001.gz"
    side.shelves.put(f"{side.place}/{neighbour}", "x")
    side.logs.remove(made.workflow_uuid)
    assert side.names() == sorted([neighbour, f"{made.workflow_id}/{made.workflow_uuid}/events.txt"])
    side.logs.remove(made.workflow_uuid, documents=True)
    side.logs.remove(made.workflow_uuid, documents=True)
    assert side.names() == [neighbour]


def test_what_is_removed_is_not_brought_there_again(side: Side) -> None:
    """Retention may come before the place answers again."""
    made, _ = ended(side)
    side.logs.remove(made.workflow_uuid)
    side.moves.attend(made.workflow_uuid)
    assert side.names() == []


def test_several_gateways_at_once_lose_nothing(side: Side) -> None:
    """All share one data directory, as docs/decisions/0005 asks for."""
    made, lines = ended(side, 600)
    sides = [another(side, home=side.home) for _ in range(4)]
    faults: list[BaseException] = []

    def attend(one: Side) -> None:
        try:
            one.moves.attend(made.workflow_uuid)
        except StoreError:
            # Its files went away under its hands; it looks again later.
            pass
        except BaseException as error:  # noqa: BLE001
            faults.append(error)

    threads = [threading.Thread(target=attend, args=(one,)) for one in sides]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    side.moves.attend(made.workflow_uuid)
    assert list(another(side).logs.read(made.workflow_uuid, LogQuery())) == lines
    for task, retry_id in ATTEMPTS:
        query = LogQuery(task=task, retry_id=retry_id)
        assert list(another(side).logs.read(made.workflow_uuid, query)) == [
            each for each in lines if (each.task, each.retry_id) == (task, retry_id)
        ]


def test_readers_see_the_whole_log_at_every_moment_of_its_way(tmp_path: Path) -> None:
    """Also those who have read half of it here when the other half goes."""
    with sided(tmp_path) as side:
        for number in (1, 2):
            made, lines = ended(side, 400, number=number)
            gone = threading.Event()
            with ThreadPoolExecutor(3) as threads:
                readers = [threads.submit(wrong_answers, side, made.workflow_uuid, lines, gone) for _ in range(3)]
                side.moves.attend(made.workflow_uuid)
                gone.set()
            assert [reader.result() for reader in readers] == [[], [], []]
            assert not Pieces(side.home / "logs", made.workflow_uuid).directory.exists()


def wrong_answers(side: Side, uuid: WorkflowUuid, lines: list[LogLine], gone: threading.Event) -> list[LogQuery]:
    """Ask until the log has gone, and a little longer; the questions that got a wrong answer."""
    answers = {
        LogQuery(): lines,
        LogQuery(last_n_lines=30): lines[-30:],
        LogQuery(task="b", retry_id=1): [each for each in lines if (each.task, each.retry_id) == ("b", 1)],
    }
    wrong: list[LogQuery] = []
    rounds = 0
    while rounds < 3:
        rounds = rounds + 1 if gone.is_set() else 0
        for query, answer in answers.items():
            found: list[LogLine] = []
            with side.logs.follow(uuid, query) as follow:
                while not follow.ended:
                    found += follow.advance()
            if found != answer or list(side.logs.read(uuid, query)) != answer:
                wrong.append(query)
    return wrong


def test_files_that_a_killed_gateway_left_are_tidied_up(tmp_path: Path) -> None:
    with sided(tmp_path) as side:
        made, lines = ended(side)
        kept = tmp_path / "copy"
        shutil.copytree(side.home / "logs", kept)
        side.moves.attend(made.workflow_uuid)
        shutil.copytree(kept, side.home / "logs", dirs_exist_ok=True)
        running = plan(number=2)
        insert(side.store, running)
        side.logs.append(running.workflow_uuid, many(3))
        side.moves.tidy()
        assert not Pieces(side.home / "logs", made.workflow_uuid).directory.exists()
        assert side.logs.line_count(running.workflow_uuid) == 3
        assert list(side.logs.read(made.workflow_uuid, LogQuery())) == lines


@pytest.mark.xdist_group("postgresql")
def test_the_same_on_postgresql(tmp_path: Path, postgres_emptied: str) -> None:
    with sided(tmp_path, url=postgres_emptied) as side:
        test_the_same_question_gets_the_same_answer_wherever_the_log_is(side)
        made, lines = ended(side, number=2)
        side.moves.note_problem(made.workflow_uuid, "a NUL \0 in it")
        with side.store.reading() as reads:
            backlog = reads.archive_backlog()
        assert (backlog.logs, backlog.problem) == (1, "a NUL \ufffd in it")
        side.moves.attend(made.workflow_uuid)
        assert list(another(side).logs.read(made.workflow_uuid, LogQuery())) == lines
        side.logs.remove(made.workflow_uuid, documents=True)
        with side.store.writing() as writes:
            writes.purge((made.workflow_uuid,))
        side.moves.attend(made.workflow_uuid)
        assert not [name for name in side.names() if name.startswith(f"{made.workflow_id}/")]


@pytest.mark.xdist_group("s3")
@pytest.mark.parametrize("fault", [Fault.RESET, Fault.SLOW_DOWN, Fault.EXPIRED])
def test_a_server_that_goes_away_and_comes_back(tmp_path: Path, s3: S3Server, fault: Fault) -> None:
    """ "Store not reachable: uploads are tried again, logs stay local and readable"."""
    with faulty_store(s3.url) as proxy, sided(tmp_path, s3.behind(proxy.url)) as side:
        made, lines = ended(side)
        proxy.rule = lambda _asked: fault
        with pytest.raises(StoreError):
            side.moves.attend(made.workflow_uuid)
        assert list(side.logs.read(made.workflow_uuid, LogQuery())) == lines
        proxy.rule = lambda _asked: Fault.NONE
        side.moves.attend(made.workflow_uuid)
        assert not Pieces(side.home / "logs", made.workflow_uuid).directory.exists()
        reader = another(side)
        proxy.rule = lambda _asked: fault
        with pytest.raises(LogUnreachable):
            reader.logs.read(made.workflow_uuid, LogQuery())
        proxy.rule = lambda _asked: Fault.NONE
        assert list(reader.logs.read(made.workflow_uuid, LogQuery())) == lines


@pytest.mark.xdist_group("s3")
def test_one_fault_of_the_server_is_not_even_noticed(tmp_path: Path, s3: S3Server) -> None:
    with faulty_store(s3.url) as proxy, sided(tmp_path, s3.behind(proxy.url)) as side:
        proxy.rule = lambda asked: Fault.LOST_ANSWER if asked.repeat == 1 else Fault.NONE
        made, lines = ended(side)
        side.moves.attend(made.workflow_uuid)
        assert list(another(side).logs.read(made.workflow_uuid, LogQuery())) == lines
