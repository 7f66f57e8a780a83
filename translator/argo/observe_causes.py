"""Why an attempt ended, told from its pod: the rules of workflow-spec.md §5.2 with what Argo's pods add to them.

The pod knows the cause; Argo's node often does not (argo-verified.md §3, §6: a deleted pod may be Failed, Error or
Succeeded there). The node is asked only where Argo itself took the pod away.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from translator.argo.observe_objects import Condition, Container, Node, Pod, Terminated, Waiting, naive
from translator.argo.observe_report import Report, report_of, sidecar_code
from translator.lifecycle.words import ExitCode, TaskStatus

MAIN = "main"
INIT = "osmo-init"
SIDECARS = ("osmo-ctrl", "ctrl")
PREFLIGHT = "preflight-test"

CONFIG_ERROR_GRACE = timedelta(minutes=10)
UNKNOWN_STATUS_GRACE = timedelta(minutes=30)
_GRACED = {"CreateContainerConfigError": CONFIG_ERROR_GRACE, "ContainerStatusUnknown": UNKNOWN_STATUS_GRACE}

_ARGO_FINALIZER = "workflows.argoproj.io/status"
_PREEMPTION = "PreemptionByScheduler"
_DELETED = "The pod was deleted."
_EMISSARY_FAILED = 64


class Verdict(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How an attempt ended. Shape: `exit_code` None for what the service decides (cancel, timeouts)."""

    status: TaskStatus
    exit_code: int | None = None
    message: str = ""


class Evidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of one attempt; made by `evidence_of`.

    Shape: `gone` is true once the pod does not exist any more; `node` is Argo's; `main` says how that container ended,
    None while it has not; `report` is the wrapper's, None where there is none; `over`: no container will run any more.
    """

    pod: Pod
    now: datetime
    gone: bool
    node: Node | None
    main: Terminated | None
    report: Report | None
    over: bool


def evidence_of(pod: Pod, now: datetime, *, gone: bool = False, node: Node | None = None) -> Evidence:
    """What a pod shows, with what its end says read once."""
    main = _end_of_main(pod)
    return Evidence(
        pod=pod,
        now=now,
        gone=gone,
        node=node,
        main=main,
        report=report_of(main.message) if main is not None else None,
        over=gone or pod.status.phase in ("Succeeded", "Failed"),
    )


def _end_of_main(pod: Pod) -> Terminated | None:
    for container in pod.status.container_statuses or ():
        if container.name == MAIN:
            return container.state.terminated if container.state is not None else None
    return None


def verdict(known: Evidence) -> Verdict | None:
    """How the attempt ended; None while it has not, or while it cannot be told yet.

    None also for a run that was ended by order (250) in a pod that nobody deleted: whoever gave the order says why.
    """
    if known.pod.status.phase == "Unknown" and not known.gone:
        return _lost_node(known)
    own = _own_end(known)
    told = _by_condition(known)
    if told is not None and (own is None or not _before_condition(known)):
        return told
    return own or _by_pod_reason(known) or _by_waiting(known) or _lost_node(known) or _at_the_end(known)


def node_verdict(node: Node) -> Verdict | None:
    """How an attempt without a pod ended, as far as Argo's node says; None while it has not."""
    if node.phase == "Omitted":
        return Verdict(status=TaskStatus.FAILED_UPSTREAM, exit_code=ExitCode.UPSTREAM, message="Upstream task failed.")
    if node.phase == "Succeeded":
        # The wrapper returns 0 only for a program that it let end by itself; the program's own code went with the pod.
        return Verdict(status=TaskStatus.COMPLETED, exit_code=0)
    if node.phase not in ("Failed", "Error"):
        return None
    if node.message.startswith("workflow shutdown with strategy") or node.message.startswith("Stopped with strategy"):
        return Verdict(status=TaskStatus.FAILED_CANCELED, message="The workflow was stopped on its cluster.")
    if node.message == "timeout":
        return Verdict(
            status=TaskStatus.FAILED_QUEUE_TIMEOUT, message="The pod was pending longer than its backend allows."
        )
    if node.message == "Step exceeded its deadline":
        return Verdict(status=TaskStatus.FAILED_EXEC_TIMEOUT, message=node.message)
    if node.message.startswith("can't find failed message for pod") or node.message == "pod deleted":
        return _backend_error(_DELETED)
    return _backend_error(node.message)


def _own_end(known: Evidence) -> Verdict | None:
    """The end of a run that ended by itself; its report is final although the pod still finishes."""
    main, report = known.main, known.report
    if main is None or report is None or not report.by_itself:
        return None
    # A wrapper that was the victim applied no action itself, so neither Argo nor we take its code for the program's.
    if main.reason == "OOMKilled" and main.exit_code and not report.action:
        return _out_of_memory()
    status = TaskStatus.COMPLETED if report.code == 0 else TaskStatus.FAILED
    return Verdict(status=status, exit_code=report.code, message=report.message)


def _by_condition(known: Evidence) -> Verdict | None:
    disrupted: Condition | None = None
    for condition in known.pod.status.conditions or ():
        if condition.status != "True":
            continue
        if condition.reason == _PREEMPTION:
            return Verdict(
                status=TaskStatus.FAILED_PREEMPTED, exit_code=ExitCode.PREEMPTED, message=condition.message or ""
            )
        if condition.type == "DisruptionTarget" and disrupted is None:
            disrupted = condition
    return _backend_error(disrupted.message or disrupted.reason or "") if disrupted is not None else None


def _before_condition(known: Evidence) -> bool:
    """Whether `main` had ended before the pod was condemned."""
    times = [
        one.last_transition_time
        for one in known.pod.status.conditions or ()
        if one.status == "True" and (one.reason == _PREEMPTION or one.type == "DisruptionTarget")
    ]
    ended = known.main.finished_at if known.main is not None else None
    return ended is not None and all(time is not None and naive(ended) <= naive(time) for time in times)


def _by_pod_reason(known: Evidence) -> Verdict | None:
    status = known.pod.status
    if not status.reason:
        return None
    message = status.message or status.reason
    match status.reason:
        case "Evicted":
            return Verdict(status=TaskStatus.FAILED_EVICTED, exit_code=ExitCode.EVICTED, message=message)
        case "StartError":
            return Verdict(status=TaskStatus.FAILED_START_ERROR, exit_code=ExitCode.START_ERROR, message=message)
        case "Preempting":
            return Verdict(status=TaskStatus.FAILED_PREEMPTED, exit_code=ExitCode.PREEMPTED, message=message)
        case "DeadlineExceeded":
            return Verdict(status=TaskStatus.FAILED_EXEC_TIMEOUT, message=message)
        case "UnexpectedAdmissionError" | "NodeLost" | "NodeShutdown" | "Shutdown" | "Terminated" | "NodeAffinity":
            return _backend_error(message)
        case _:
            # OutOfcpu, OutOfmemory, …: a node refused what the scheduler had placed there.
            return _backend_error(message) if status.reason.startswith("OutOf") else None


def _by_waiting(known: Evidence) -> Verdict | None:
    if known.over:
        return None
    for _name, waiting in _all_waiting(known.pod):
        text = waiting.message or waiting.reason
        match waiting.reason:
            case "ErrImagePull":
                return Verdict(status=TaskStatus.FAILED_IMAGE_PULL, exit_code=ExitCode.IMAGE_PULL, message=text)
            case "ImagePullBackOff":
                code = ExitCode.IMAGE_PULL_BACKOFF
                return Verdict(status=TaskStatus.FAILED_IMAGE_PULL, exit_code=code, message=text)
            case reason if reason in _GRACED:
                if _waits_since(known, _GRACED[reason]):
                    return _backend_error(text)
            case "CrashLoopBackOff":
                return Verdict(status=TaskStatus.FAILED, exit_code=ExitCode.CRASH_LOOP, message=text)
            case reason if any(part in reason for part in ("Failed", "BackOff", "Error")):
                return Verdict(status=TaskStatus.FAILED, exit_code=ExitCode.WAITING_OTHER, message=text)
    return None


def _all_waiting(pod: Pod) -> Iterator[tuple[str, Waiting]]:
    for container in _containers(pod):
        if container.state is not None and container.state.waiting is not None:
            yield container.name, container.state.waiting


def is_judged_by_time(pod: Pod) -> bool:
    """Whether the pod waits for a reason that is an end only where it lasts."""
    return any(waiting.reason in _GRACED for _name, waiting in _all_waiting(pod))


def _waits_since(known: Evidence, grace: timedelta) -> bool:
    """Whether the pod has not been ready for that long."""
    ready = next((one for one in known.pod.status.conditions or () if one.type == "Ready"), None)
    since = ready.last_transition_time if ready is not None else None
    since = since or known.pod.status.start_time or known.pod.metadata.creation_timestamp
    return since is not None and known.now - naive(since) >= grace


def _lost_node(known: Evidence) -> Verdict | None:
    if known.pod.status.reason != "NodeLost":
        return None
    return _backend_error(known.pod.status.message or "The pod's node was lost.")


def _at_the_end(known: Evidence) -> Verdict | None:
    """How a pod ended whose run did not end by itself."""
    if not known.over:
        return None
    meta, report = known.pod.metadata, known.report
    if meta.deletion_timestamp is not None or known.gone:
        return _after_deletion(known)
    if any(one.reason == "OOMKilled" for one in _all_terminated(known.pod)) and known.pod.status.phase == "Failed":
        return _out_of_memory()
    if report is not None:
        # Killed by a signal that nobody of ours sent, or ended by order.
        return _by_order(known) if report.stopped else _by_report(report)
    return _by_codes(known)


def _by_order(known: Evidence) -> Verdict | None:
    told = node_verdict(known.node) if known.node is not None else None
    return told if told is not None and told.status.canceled_family else None


def _after_deletion(known: Evidence) -> Verdict | None:
    """Where Argo let go of the pod first, it may have been Argo that deleted it, and its node says why."""
    meta = known.pod.metadata
    # A pod that vanished unseen may have been let go of in the meantime.
    is_captured = meta.deletion_timestamp is None or meta.captured or _ARGO_FINALIZER not in (meta.finalizers or ())
    if not is_captured:
        return _backend_error(_DELETED)
    if known.node is None or known.node.phase in ("Pending", "Running", ""):
        return None
    told = node_verdict(known.node)
    if told is None or told.status is TaskStatus.FAILED_BACKEND_ERROR:
        return _backend_error(_DELETED)
    if told.status is TaskStatus.FAILED_QUEUE_TIMEOUT and known.pod.spec.node_name:
        return Verdict(status=TaskStatus.FAILED_START_TIMEOUT, exit_code=ExitCode.START_TIMEOUT, message=told.message)
    return told


def _by_report(report: Report) -> Verdict:
    status = TaskStatus.COMPLETED if report.code == 0 else TaskStatus.FAILED
    return Verdict(status=status, exit_code=report.code, message=report.message)


def _by_codes(known: Evidence) -> Verdict:
    main = known.main
    if main is not None and main.reason in ("StartError", "ContainerCannotRun"):
        return Verdict(
            status=TaskStatus.FAILED_START_ERROR, exit_code=ExitCode.START_ERROR, message=main.message or main.reason
        )
    if main is not None and main.reason == "ContainerStatusUnknown":
        return _backend_error(main.message or main.reason)
    if main is not None and main.exit_code == _EMISSARY_FAILED:
        # Every end of the wrapper has a report, so this is Argo's own executor that could not start it.
        return Verdict(status=TaskStatus.FAILED_START_ERROR, exit_code=ExitCode.START_ERROR, message=main.message)
    if known.pod.status.phase == "Succeeded":
        return Verdict(status=TaskStatus.COMPLETED, exit_code=0)
    codes = [code for container in _containers(known.pod) if (code := _offset_code(container))]
    if codes:
        return Verdict(status=TaskStatus.FAILED, exit_code=max(codes), message=_text(known))
    if any(one.exit_code for one in _all_terminated(known.pod)):
        return _backend_error(_text(known))
    return Verdict(status=TaskStatus.FAILED, exit_code=ExitCode.UNKNOWN, message=_text(known))


def _offset_code(container: Container) -> int:
    """The code of a failed container as the service counts it, 0 for none. Source: workflow-spec.md §5.6."""
    ended = container.state.terminated if container.state is not None else None
    if ended is None or ended.exit_code == 0:
        return 0
    if container.name == MAIN:
        return ended.exit_code
    if container.name == INIT:
        return 255 + ended.exit_code
    if container.name == PREFLIGHT:
        return 1000 + ended.exit_code
    return 2000 + sidecar_code(ended.message, ended.exit_code) if container.name in SIDECARS else 0


def _text(known: Evidence) -> str:
    if known.pod.status.message:
        return known.pod.status.message
    failed = next(
        (
            (container.name, container.state.terminated)
            for container in _containers(known.pod)
            if container.state is not None
            and container.state.terminated is not None
            and container.state.terminated.exit_code
        ),
        None,
    )
    return "" if failed is None else f"{failed[0]}: {failed[1].reason} (exit code {failed[1].exit_code})"


def _containers(pod: Pod) -> Iterator[Container]:
    yield from pod.status.init_container_statuses or ()
    yield from pod.status.container_statuses or ()


def _all_terminated(pod: Pod) -> Iterator[Terminated]:
    for container in _containers(pod):
        if container.state is not None and container.state.terminated is not None:
            yield container.state.terminated


def _out_of_memory() -> Verdict:
    return Verdict(
        status=TaskStatus.FAILED_EVICTED,
        exit_code=ExitCode.EVICTED,
        message="A container ran out of memory (OOMKilled).",
    )


def _backend_error(message: str) -> Verdict:
    return Verdict(status=TaskStatus.FAILED_BACKEND_ERROR, exit_code=ExitCode.BACKEND_ERROR, message=message)
