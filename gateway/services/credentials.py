"""Credentials of users: kept sealed, tried out when they are stored, opened for the runs that refer to them.

Source: api.md §2.5; workflow-spec.md §2.13, §6.5.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from gateway.ports.credentials import AccessProbe, AccessRefused, CredentialKind, StoredCredential
from gateway.ports.store import Reads, Store
from gateway.ports.vault import Vault
from gateway.schemas.credentials import CredentialBody, CredentialEntry, CredentialList
from gateway.services.credential_forms import CredentialForm, names_a_bucket, understood
from gateway.services.errors import Refusal
from gateway.services.identity import Caller
from gateway.services.stored_secrets import StoredSecrets, bound_to, registry_login
from pools.model import Config
from storage.credentials import DataCredential
from translator.problems import ErrorCode

_ORDER = {CredentialKind.DATA: 0, CredentialKind.REGISTRY: 1, CredentialKind.GENERIC: 2}


class Credentials:
    """Shows, stores and removes credentials, and opens them for runs."""

    def __init__(self, *, store: Store, vault: Vault, probe: AccessProbe, config: Callable[[], Config]) -> None:
        self._store = store
        self._vault = vault
        self._probe = probe
        self._config = config

    def list(self, caller: Caller) -> CredentialList:
        """The caller's, by kind and name; never a value."""
        with self._store.reading() as reads:
            found = reads.credentials(caller.user)
        return CredentialList(credentials=[_entry(row) for row in sorted(found, key=_rank)])

    def save(self, caller: Caller, name: str, body: CredentialBody) -> None:
        """Store one under a name; what had that name, or opened the same, gives way to it.

        Errors: Refusal, of class CREDENTIAL where it does not open what it should.
        """
        form = understood(name, body)
        self._try_out(form)
        with self._store.writing(durable=True) as writes:
            key = writes.user_key(caller.user)
            if key is None:
                key = writes.new_user_key(caller.user, self._vault.new_user_key(caller.user))
            sealed = self._vault.seal(key, caller.user, bound_to(form.kind, name), msgspec.json.encode(form.values))
            row = StoredCredential(name=name, kind=form.kind, profile=form.profile, sealed=sealed)
            writes.put_credential(caller.user, row)

    def delete(self, caller: Caller, name: str) -> CredentialList:
        """Remove one, which comes back without its values. Errors: Refusal where there is none of that name."""
        with self._store.writing() as writes:
            found = [row for row in writes.credentials(caller.user) if row.name == name]
            if not found or not writes.delete_credential(caller.user, name):
                raise Refusal(f"Credential {name} not found.")
        return CredentialList(credentials=[_entry(row) for row in found])

    def of(self, user: str) -> StoredSecrets:
        """What a user has stored now."""
        with self._store.reading() as reads:
            return self.seen_by(reads, user)

    def seen_by(self, reads: Reads, user: str) -> StoredSecrets:
        """What a user has stored, as a session sees it."""
        rows = reads.credentials(user)
        key = reads.user_key(user) if rows else None
        return StoredSecrets(self._vault, user, key, rows)

    def _try_out(self, form: CredentialForm) -> None:
        unchecked = self._config().workflow.credential_config
        try:
            match form.kind:
                case CredentialKind.DATA:
                    assert form.profile is not None
                    is_checked = form.profile.partition("://")[0] not in unchecked.disable_data_validation
                    # What a wider one opens shows when a workflow names a place in it.
                    if is_checked and names_a_bucket(form.profile):
                        self._probe.data(msgspec.convert(form.values, DataCredential))
                case CredentialKind.REGISTRY:
                    login = registry_login(form.values)
                    if not any(_inside(login.scope, scope) for scope in unchecked.disable_registry_validation):
                        self._probe.registry(login)
                case CredentialKind.GENERIC:
                    return
        except AccessRefused as error:
            raise Refusal(str(error), error_code=ErrorCode.CREDENTIAL) from error


def _inside(scope: str, other: str) -> bool:
    wide = other.rstrip("/")
    return scope == wide or scope.startswith(f"{wide}/")


def _entry(row: StoredCredential) -> CredentialEntry:
    return CredentialEntry(cred_name=row.name, cred_type=row.kind.value, profile=row.profile)


def _rank(row: StoredCredential) -> tuple[int, str]:
    return _ORDER[row.kind], row.name
