"""The last checks of a backend: is a small workflow admitted, as it would be sent; and do the clocks agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from gateway.runners.argo.doctor_subject import Subject
from gateway.runners.argo.faults import Conflict, Refused, TryAgain
from gateway.services.doctor_findings import Finding, ok, problem, warning
from pools.model import Config
from pools.pool import Platform, Pool
from templates.sandbox import TemplateSandbox
from translator.argo.faults import TranslationError
from translator.argo.observe_objects import Meta, Object, naive
from translator.argo.translation import Translation
from translator.plan.context import ADMIN_ROLE, PlanContext
from translator.problems import SpecError
from translator.spec.parse import parse
from translator.spec.values import NO_VALUES
from translator.translate import translate_spec

_SPEC = b"""\
workflow:
  name: argosmo-doctor
  resources:
    default: {cpu: 1, memory: 128Mi, storage: 1Gi}
  tasks:
  - name: check
    image: argosmo-doctor
    command: ["true"]
"""
_STRAY = "argosmo-doctor"
_SKEW = timedelta(seconds=2)
_MUCH_SKEW = timedelta(seconds=30)


def admission(subject: Subject) -> Iterator[Finding]:
    """Whether the API server would take a small workflow of the backend's first pool; nothing is created."""
    try:
        translation = _translation(subject)
    except (SpecError, TranslationError) as error:
        text = f"The smallest workflow cannot be translated for this backend: {error}"
        advice = "Correct the pool's pod templates: `argosmo translate examples/hello.yaml --config DIR --pool POOL`."
        yield problem("admission", text, advice)
        return
    path = f"/apis/argoproj.io/v1alpha1/namespaces/{subject.namespace}/workflows?dryRun=All"
    before = subject.now()
    try:
        made = msgspec.json.decode(subject.client.create(path, translation.parts[0].workflow.body), type=_Made)
    except Conflict:
        yield ok("admission", "A workflow is admitted; one of this check's name exists.")
        return
    except (Refused, TryAgain) as error:
        text = f"A small workflow is not admitted: {error}"
        advice = "Correct what the message names: a webhook, a policy, a quota or the CRDs (`kubectl get crd`)."
        yield problem("admission", text, advice)
        return
    yield ok("admission", "A small workflow is admitted (server-side dry run).")
    yield from _clock(made.metadata.creation_timestamp, before, subject.now())


def _clock(created: datetime | None, before: datetime, after: datetime) -> Iterator[Finding]:
    """How far the API server's clock is from ours, told by when it says that it made something; in whole seconds."""
    if created is None:
        return
    server = naive(created)
    skew = max(before - server - timedelta(seconds=1), server - after, timedelta(0))
    if skew <= _SKEW:
        yield ok("clock", "The clocks of gateway and cluster agree.")
        return
    text = f"The clocks of gateway and cluster differ by {skew.total_seconds():.0f} s."
    advice = "Set this machine's clock (`timedatectl set-ntp true`), or the API server's."
    # Timeouts are counted here and times are told there; tokens are refused when too far apart.
    yield problem("clock", text, advice) if skew > _MUCH_SKEW else warning("clock", text, advice)


def _translation(subject: Subject) -> Translation:
    config, pool = _with_pool(subject)
    context = PlanContext(config=config, pool=pool, owner="argosmo-doctor", roles=frozenset({ADMIN_ROLE}))
    with TemplateSandbox() as renderer:
        parsed = parse(_SPEC, values=NO_VALUES, renderer=renderer)
    return translate_spec(parsed.spec, context)


def _with_pool(subject: Subject) -> tuple[Config, str]:
    """The configuration, and a pool of the backend in it: its first, or one made up."""
    for name in subject.pools:
        return subject.config, name
    pool = Pool(backend=subject.name, platforms={"default": Platform()}, default_platform="default")
    return replace(subject.config, pools={**subject.config.pools, _STRAY: pool}), _STRAY


class _Made(Object, frozen=True, kw_only=True):
    metadata: Meta
