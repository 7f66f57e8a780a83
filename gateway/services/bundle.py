"""All use cases of one gateway, as routes and pages find them."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.services.backends import BackendViews
from gateway.services.cancel import Cancel
from gateway.services.config_files import ConfigFiles
from gateway.services.credentials import Credentials
from gateway.services.datasets import Datasets
from gateway.services.documents import Documents
from gateway.services.events import WorkflowEvents
from gateway.services.explain import Explain
from gateway.services.info import Info
from gateway.services.interactive import Interactive
from gateway.services.listing import Listing
from gateway.services.logs import WorkflowLogs
from gateway.services.passports import Passports
from gateway.services.pools import PoolViews
from gateway.services.profile import Profiles
from gateway.services.progress import Progress
from gateway.services.query import Query
from gateway.services.resources import ResourceViews
from gateway.services.restart import Restart
from gateway.services.retention import Retention
from gateway.services.submit import Submit
from gateway.services.tags import Tags
from gateway.services.tasks import Tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """One object a use case."""

    config: ConfigFiles
    submit: Submit
    restart: Restart
    cancel: Cancel
    query: Query
    listing: Listing
    tasks: Tasks
    logs: WorkflowLogs
    events: WorkflowEvents
    documents: Documents
    progress: Progress
    tags: Tags
    interactive: Interactive
    profiles: Profiles
    credentials: Credentials
    datasets: Datasets
    passports: Passports
    pools: PoolViews
    resources: ResourceViews
    backends: BackendViews
    explain: Explain
    info: Info
    retention: Retention
