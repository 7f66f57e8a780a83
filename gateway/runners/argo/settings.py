"""One backend with Argo Workflows, as the runner sees it."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.ports import RegistryLogin
from translator.argo.run_secrets import SecretValue
from translator.argo.target import ArgoTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often things are looked at, and how long is waited for what. Units: seconds.

    `grace` is what containers get between TERM and KILL; `member_grace` what the other members of a group get to end by
    themselves when their lead has ended; `finish` what a pod gets whose program has ended, for its other containers;
    `log_patience` how long an end is held back for the last lines; `name_patience` how long a lead runs before members
    that cannot start are taken away: it has to have met them, or their names. `gather` for how long news are gathered
    before they are handed on together; `request` how long an answer is waited for. `most_retry` is also the longest
    that a cluster which is back has to wait until it is asked again.
    """

    tick: float = 1.0
    grace: float = 30.0
    member_grace: float = 10.0
    finish: float = 300.0
    log_patience: float = 20.0
    name_patience: float = 15.0
    log_silence: float = 300.0
    watch: float = 300.0
    watch_silence: float = 150.0
    gather: float = 0.05
    request: float = 60.0
    first_retry: float = 0.2
    most_retry: float = 4.0
    page: int = 500
    workers: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgoBackend:
    """What a runner is told of its backend.

    Shape: `service_storage` is the JSON text of the intermediate store's credential, `registry` the login that
    every run has.
    """

    name: str
    target: ArgoTarget = field(default_factory=ArgoTarget)
    service_storage: SecretValue | None = None
    registry: RegistryLogin | None = None
    pace: Pace = field(default_factory=Pace)
