"""The places of the gateway at which a test may kill the process, each with what is true there.

`engine.crashpoints.crash_point` does the killing; a test proves that every name below stands in the code and kills.
"""

from __future__ import annotations

GATEWAY_CRASH_POINTS = {
    "store.key-claimed": "An idempotency key is claimed, nothing else is written; nothing is committed.",
    "store.number-reserved": "A workflow number is taken; nothing is committed.",
    "store.workflow-inserted": "All rows of a new workflow are written; nothing is committed.",
    "store.failed-submission-inserted": "The row of a refused submission is written; nothing is committed.",
    "store.cancel-requested": "A cancel request is written; nothing is committed.",
    "store.changes-written": "The changes of a step of the mirror are written; nothing is committed.",
    "store.before-commit": "A writing session is about to commit.",
    "store.after-commit": "A writing session has committed; the caller does not know it yet.",
    "store.migrated": "A migration ran; nothing is committed.",
    "mirror.attending": "The mirror knows that it is to look at a workflow and has not read its rows.",
    "mirror.taken-over": "A workflow is owned by this process and not recovered.",
    "mirror.recovered": "The runner has recovered a workflow; outstanding effects are not applied.",
    "mirror.reduced": "Facts are reduced; neither state nor effects have left the process.",
    "mirror.saved": "A step is committed; its effects are not applied.",
    "mirror.effects-applied": "A step's effects are applied; nobody was told.",
    "mirror.timer-due": "A timer is due; its Tick is not taken.",
    "mirror.sealing": "A workflow is over; its log is not sealed.",
    "mirror.log-sealed": "The log is sealed; the row does not say so.",
    "mirror.sealed": "The row says that the workflow is sealed; the runner still holds it.",
    "mirror.stopping": "The mirror was told to stop; the runners still work.",
    "logs.appended": "Log lines are written; the runner does not know it yet.",
    "logs.rolled": "A full live file has its final name; nothing is compressed.",
    "logs.segment-written": "A compressed piece has its final name; it is not indexed and the raw one still stands.",
    "logs.segment-indexed": "A compressed piece is indexed; the raw one still stands.",
}
"""Name -> what is true there, whatever runs the work."""

ARCHIVE_CRASH_POINTS = {
    "archive.expected": "A log is to go to the place of logs; it is not sealed.",
    "archive.objects-put": "Objects are in the place of logs; no row says so.",
    "archive.objects-noted": "Rows say where objects are; the local files still stand.",
    "archive.local-removed": "All of a log is in the place of logs, and its local files are gone.",
}
"""Name -> what is true there, where a place of logs is configured."""

ARGO_CRASH_POINTS = {
    "argo.run-begins": "The first group of a run is to be created; nothing of it is on the cluster.",
    "argo.workflow-created": "A suspended Workflow exists; nothing that belongs to it does.",
    "argo.dependent-created": "A Secret or Service of a Workflow exists; others may be missing.",
    "argo.all-created": "All objects of a run exist; its Workflows are suspended.",
    "argo.resumed": "A Workflow may run; the runner does not know it yet.",
    "argo.gate-released": "A gate between two Workflows is open; the runner does not know it yet.",
    "argo.looked": "All objects of a run were listed; nothing is told that follows from it.",
    "argo.facts-seen": "Objects were seen; the mirror has not got the facts.",
    "argo.end-held": "An attempt's end was seen; it waits for the attempt's last lines.",
    "argo.lines-read": "Lines of a container were read; none of them is kept.",
    "argo.before-shutdown": "A Workflow is to be shut down; Argo was not told.",
    "argo.shut-down": "Argo was told to end a Workflow; the runner does not know that it was.",
    "argo.before-pod-deletion": "A pod is to be deleted; the cluster was not told.",
    "argo.pod-deleted": "The cluster was told to delete a pod; the runner does not know that it was.",
    "argo.before-removal": "Everything of a run is captured; its Workflow still exists.",
    "argo.removed": "A Workflow is gone from the cluster with all that belongs to it; nobody was told.",
    "argo.cleaned": "Nothing of a group is left on the cluster; the mirror does not know it.",
}
"""Name -> what is true there, between the rows and a cluster."""
