"""`argosmo validate`: what is wrong with a workflow file, without a server."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from cli.arguments import JSON, TEXT, add_labels, add_set_env, add_template_values
from cli.errors import EXIT_WRONG_USE
from translator.problems import Problem, Severity


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of `argosmo validate`."""
    parser.set_defaults(handler=run, local=True)
    add_spec(parser)
    parser.add_argument("-o", "--output", choices=(TEXT, JSON), default=TEXT, help="text (default) or json")


def add_spec(parser: argparse.ArgumentParser) -> None:
    """Add the file and everything that decides what it means."""
    parser.add_argument("file", metavar="FILE", type=Path, help="a workflow file in YAML; - is standard input")
    add_template_values(parser)
    add_set_env(parser)
    add_labels(parser)
    add_config(parser)


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add `--config` and `--pool`."""
    parser.add_argument(
        "--config", metavar="DIR", type=Path, help="directory with configuration YAML (default: one local pool)"
    )
    parser.add_argument("-p", "--pool", default="default", help="the pool to run in (default: default)")


def run(args: argparse.Namespace) -> int:
    """Print every problem; the exit code says whether one is an error."""
    from cli.output import print_json
    from cli.problem_text import are_errors, in_order, problem_line, problem_value

    # Brings the whole language and its rules: imported only when a file is to be judged.
    from cli.spec_check import check_spec

    check = check_spec(args)
    found = check.problems if check.configured else tuple(map(_of_another_pool, check.problems))
    problems = in_order(found)
    if args.output == JSON:
        print_json([problem_value(problem) for problem in problems])
    else:
        for problem in problems:
            print(problem_line(str(args.file), problem))
    return EXIT_WRONG_USE if are_errors(problems) else 0


def _of_another_pool(problem: Problem) -> Problem:
    """A problem, no more than a warning where only the pool that is meant can tell.

    Without a configuration the shipped pool stands in for the user's: it has one platform, his may have the one named.
    """
    if problem.code != "unknown-platform":
        return problem
    hint = "No configuration was given: check against your pools with --config DIR --pool POOL."
    return replace(problem, severity=Severity.WARNING, message=f"{problem.message} {hint}")
