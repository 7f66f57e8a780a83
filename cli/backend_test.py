"""`argosmo backend test`: everything that `argosmo doctor` looks at in a backend, and one small workflow for real."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cli.arguments import JSON, Verbs, add_format, add_verb
from cli.errors import CliError

if TYPE_CHECKING:
    from gateway.schemas.workflows import WorkflowQuery
    from gateway.services.doctor_findings import Finding
    from gateway.settings import Settings
    from pools.model import Config

IMAGE = "alpine:3"
_SPEC = """\
workflow:
  name: argosmo-backend-test
  timeout: {{exec_timeout: 10m, queue_timeout: 10m}}
  resources:
    default: {{cpu: 1, memory: 128Mi, storage: 1Gi}}
  tasks:
  - name: hello
    image: {image}
    command: [sh, -c]
    args: ["echo the backend works"]
"""


def add_test_verb(verbs: Verbs) -> None:
    """Add `test`."""
    parser = add_verb(verbs, "test", run_test, "look for what is wrong with a backend, and run a workflow on it")
    parser.set_defaults(local=True)
    parser.add_argument("backend", metavar="BACKEND", help="its name in the configuration")
    parser.add_argument("--config", metavar="DIR", type=Path, help="directory with configuration YAML")
    parser.add_argument("--run", action="store_true", help="also run one small workflow there, without a server")
    parser.add_argument("--pool", metavar="POOL", help="the pool to run it in (default: the first of the backend)")
    parser.add_argument("--image", default=IMAGE, help=f"its image, which needs a shell (default: {IMAGE})")
    add_format(parser)


def run_test(args: argparse.Namespace) -> int:
    """Test a backend; 1 where there is a problem, or the workflow did not complete."""
    import os

    from cli.doctor import of_backends, read_config, report
    from gateway.settings import SettingsError, settings_from
    from pools.model import ConfigError

    try:
        settings = settings_from(os.environ, {"config": args.config})
        config = read_config(settings)
    except (ConfigError, SettingsError) as error:
        raise CliError(str(error)) from error
    if args.backend not in config.backends:
        raise CliError(f"There is no backend {args.backend!r}. Expected one of {', '.join(config.backends)}.")
    findings = list(of_backends(config, settings, args.backend))
    if args.run:
        findings += _real_run(args, settings, config)
    return report(findings, as_json=args.format_type == JSON)


def _real_run(args: argparse.Namespace, settings: Settings, config: Config) -> Iterator[Finding]:
    import tempfile
    from dataclasses import replace

    from gateway.services.doctor_findings import ok, problem

    pools = [name for name, pool in config.pools.items() if pool.backend == args.backend]
    pool = args.pool or next(iter(pools), None)
    if pool not in pools:
        raise CliError(f"No pool {args.pool or ''!r} uses backend {args.backend}. Add one, or choose another --pool.")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="argosmo-test-") as directory:
        ended = _ended(settings.model_copy(update={"data_dir": Path(directory)}), args.backend, pool, args.image)
    seconds = time.monotonic() - began
    if ended.status == "COMPLETED":
        finding = ok("run", f"A workflow of one task completed in {seconds:.0f} s.")
    else:
        from cli.local_run import failure_lines

        why = "; ".join(failure_lines(ended)) or "no task says why"
        advice = f"See what stands above; `kubectl -n {config.backends[args.backend].namespace} get events` shows more."
        finding = problem("run", f"A workflow of one task ended {ended.status}: {why}", advice)
    yield replace(finding, backend=args.backend)


def _ended(settings: Settings, backend: str, pool: str, image: str) -> WorkflowQuery:
    """The small workflow at its end, run by a gateway of this process that knows no other backend."""
    from cli.display import display_for
    from cli.interrupts import Interrupts
    from cli.local_run import LocalRun
    from engine.isolating import IsolationUnavailable
    from gateway.log_setup import set_up_logging
    from gateway.main import build
    from gateway.schemas.submit import TemplateSpec
    from gateway.services.errors import Refusal
    from gateway.services.submission import SubmissionRefused
    from gateway.services.submit import SubmitRequest
    from gateway.settings import LogFormat, LogLevel

    set_up_logging(LogLevel.ERROR, LogFormat.TEXT)
    gateway = build(settings, only_backend=backend)
    request = SubmitRequest(pool=pool, body=TemplateSpec(file=_SPEC.format(image=image)))
    try:
        with Interrupts() as interrupts:
            gateway.start()
            return LocalRun(gateway, display_for(quiet=True), interrupts).run(request)
    except (IsolationUnavailable, Refusal, SubmissionRefused) as error:
        raise CliError(str(error)) from error
    finally:
        gateway.stop()
