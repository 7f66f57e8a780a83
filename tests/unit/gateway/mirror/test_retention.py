"""What ended long ago is forgotten, with its logs; what runs, or ended lately, is kept."""

from __future__ import annotations

from pathlib import Path

from gateway.mirror.retention import purge_ended
from gateway.ports.records import Page, WorkflowFilter
from gateway.runners.dummy_script import scripts_from
from tests.workplace import group, lines_of, moment, workplace


def test_old_workflows_are_purged_with_their_logs(tmp_path: Path) -> None:
    scripts = scripts_from({"a": [{"log": ["hello"]}], "slow": [{"until": "deleted"}]})
    with workplace(tmp_path, scripts) as place:
        old = [place.submit(group("a")) for _ in range(3)]
        alive = place.submit(group("slow"))
        place.advance(100)
        young = place.submit(group("a"))
        assert purge_ended(place.store, place.logs, moment(50)) == 3
        assert purge_ended(place.store, place.logs, moment(50)) == 0
        with place.store.reading() as reads:
            left = {found.uuid for found in reads.workflows(WorkflowFilter(), Page()).workflows}
        assert left == {alive, young}
        assert [lines_of(place.logs, uuid) for uuid in old] == [[], [], []]
        assert lines_of(place.logs, young) == ["hello"]
