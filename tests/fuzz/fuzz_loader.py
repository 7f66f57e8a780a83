"""Fuzz target for everything that reads a spec file.

`python tests/fuzz/fuzz_loader.py -runs=100000 tests/fuzz/corpus` runs it with atheris (libFuzzer). Without atheris, as
on macOS, plain random edits of the same files take its place. What must hold is in `tests.fuzz.loader_oracle`.
"""

from __future__ import annotations

import importlib
import random
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

_ORACLE = "tests.fuzz.loader_oracle"


def main() -> None:
    """Run the target with libFuzzer's options, or with as many of them as plain random edits know."""
    try:
        atheris = importlib.import_module("atheris")
    except ImportError:
        _run_plainly(sys.argv[1:])
        return
    with atheris.instrument_imports(include=["translator"]):
        oracle = importlib.import_module(_ORACLE)
    atheris.Setup(_with_place_for_new_inputs(sys.argv), oracle.check)
    atheris.Fuzz()


def _with_place_for_new_inputs(arguments: list[str]) -> list[str]:
    """libFuzzer adds inputs to the first folder: that is one for this purpose, unless the caller names two."""
    folders = [item for item in arguments[1:] if not item.startswith("-")]
    if len(folders) > 1:
        return arguments
    # Not removed: libFuzzer ends the process itself, and a later run goes on from what this one found.
    found = Path(tempfile.gettempdir()) / "argosmo-fuzz-loader"
    found.mkdir(exist_ok=True)
    return [*(item for item in arguments if item not in folders), str(found), *folders]


def _run_plainly(arguments: list[str]) -> None:
    oracle = importlib.import_module(_ORACLE)
    runs = next((int(item.partition("=")[2]) for item in arguments if item.startswith("-runs=")), 100_000)
    seeds = [path.read_bytes() for path in oracle.kept_inputs()]
    chance = random.Random(0)
    for run in range(runs):
        data = oracle.mutated(chance.choice(seeds), chance)
        try:
            oracle.check(data)
        except BaseException:
            print(f"failed on run {run} with {data!r}", file=sys.stderr)
            raise
    print(f"Done {runs} runs")


if __name__ == "__main__":
    main()
