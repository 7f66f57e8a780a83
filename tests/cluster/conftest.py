"""Fixtures of the tests that need a cluster."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.scene import ClusterScene, cluster_scene


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterScene]:
    """A gateway with the cluster of `$KUBECONFIG` behind it, for all tests."""
    with cluster_scene(tmp_path_factory.mktemp("cluster")) as scene:
        yield scene


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Shows the outcome of each scenario, and of each file of the corpus, here and on the cluster, side by side."""
    rows = [
        (report.nodeid.partition("[")[2].rstrip("]"), report.outcome, dict(report.user_properties))
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport)
        and report.when == "call"
        and any(name == "local" for name, _ in report.user_properties)
    ]
    if not rows:
        return
    terminalreporter.section("scenarios here and on the cluster")
    for name, outcome, found in sorted(rows):
        here, there = str(found.get("local")), found.get("cluster")
        same = "same" if here == there else "there" if here.startswith("not run") else "differs"
        terminalreporter.line(f"{outcome:<7} {same:<8} {name}")
        terminalreporter.line(f"          here:    {here}")
        if same != "same":
            terminalreporter.line(f"          cluster: {there}")
