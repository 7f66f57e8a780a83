"""Rules about images, data locations and credentials: what can be said without asking anybody.

Whether an image can be pulled and a location be read is asked by the gateway, after these.
Source: workflow-spec.md §1.2 step 17, §2.6, §2.13, §6.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from translator.plan.case import Case
from translator.plan.context import UserCredentials
from translator.plan.dataset_rules import dataset_locations
from translator.plan.findings import Finding
from translator.plan.images import image_problem
from translator.plan.outline import OutlineTask
from translator.plan.tokens import Tokens, substituted
from translator.plan.urls import FILE_SCHEME, Location, LocationError, location
from translator.problems import ErrorCode
from translator.spec.data_model import InputUrl, OutputUrl
from translator.spec.places import field_path

# A workflow id is not known yet; any legal one shows whether an image's name stays legal.
_SAMPLE_TOKENS = Tokens({"workflow_id": "workflow-1"})


def asks_for_credentials(tasks: Iterable[OutlineTask]) -> bool:
    """Whether it matters to `credentials_suffice` what the user has stored."""
    return any(task.spec.credentials or task.spec.inputs or task.spec.outputs or task.spec.checkpoint for task in tasks)


def credentials_suffice(case: Case) -> Iterator[Finding]:
    """Task by task: the image can be named, the locations reached, the credentials found."""
    seen_images: set[str] = set()
    seen_urls: set[str] = set()
    for task in case.tasks:
        if task.spec.image not in seen_images:
            seen_images.add(task.spec.image)
            yield from _image_findings(task)
        yield from _url_findings(case, task, seen_urls)
        if case.context.credentials is not None and task.spec.credentials:
            yield from _credential_findings(task, case.context.credentials)


def _image_findings(task: OutlineTask) -> Iterator[Finding]:
    message = image_problem(substituted(task.spec.image, _SAMPLE_TOKENS))
    if message is not None:
        yield Finding(code="bad-image", message=message, path=f"{task.path}.image")


def _url_findings(case: Case, task: OutlineTask, seen: set[str]) -> Iterator[Finding]:
    for url, path in _urls(case, task):
        if url in seen:
            continue
        seen.add(url)
        try:
            found = location(url, local=case.backend.is_local)
        except LocationError as error:
            yield Finding(code="bad-url", message=str(error), path=path, error_code=ErrorCode.USAGE)
            continue
        if _lacks_credential(case, found):
            message = (
                f"No credentials configured for {url} (user {case.context.owner}) and the backend does not support "
                f"environment authentication. Run `osmo credential set` for {found.profile}, and submit again."
            )
            yield Finding(code="no-data-credential", message=message, path=path)


def _urls(case: Case, task: OutlineTask) -> Iterator[tuple[str, str]]:
    for index, entry in enumerate(task.spec.inputs):
        if isinstance(entry, InputUrl):
            yield entry.url, f"{task.path}.inputs[{index}].url"
    for index, output in enumerate(task.spec.outputs):
        if isinstance(output, OutputUrl):
            yield output.url, f"{task.path}.outputs[{index}].url"
    if case.context.datasets is not None:
        yield from dataset_locations(case.context.datasets, task)
    for index, checkpoint in enumerate(task.spec.checkpoint):
        # OSMO does not ask whether a checkpoint can be written; whether this machine's directories are meant, we do.
        if checkpoint.url.startswith(f"{FILE_SCHEME}:"):
            yield checkpoint.url, f"{task.path}.checkpoint[{index}].url"


def _lacks_credential(case: Case, found: Location) -> bool:
    credentials = case.context.credentials
    if credentials is None or found.ambient:
        return False
    unchecked = case.context.config.workflow.credential_config.disable_data_validation
    return found.scheme not in unchecked and found.profile not in credentials.data_profiles


def _credential_findings(task: OutlineTask, stored: UserCredentials) -> Iterator[Finding]:
    for name, target in task.spec.credentials.items():
        keys = stored.generic.get(name)
        if keys is None:
            message = f"Could not find the credential: {name}."
            yield Finding(code="unknown-credential", message=message, path=_path(task, name))
        elif not isinstance(target, str):
            for variable, key in target.items():
                if key not in keys:
                    choice = ", ".join(sorted(keys))
                    message = f"{key} is not a valid credential key please choose from {choice}"
                    yield Finding(code="unknown-credential-key", message=message, path=_path(task, name, variable))


def _path(task: OutlineTask, *steps: str) -> str:
    return f"{task.path}.{field_path(('credentials', *steps))}"
