"""What happens to a grant or a revocation after it was asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import msgspec

from airflow_provider_ksef.emulator.access import Caller
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.grant_rules import (
    DONE,
    judge_authorization,
    judge_deauthorization,
    judge_grant,
    judge_revocation,
)
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.store.authorizations import Authorization
from airflow_provider_ksef.emulator.store.grants import Grant, GrantKind
from airflow_provider_ksef.emulator.store.operations import RUNNING, Operation
from airflow_provider_ksef.emulator.work_faults import WorkFaultKind


class Give(msgspec.Struct, tag=True, frozen=True):
    """Give permissions, all or none."""

    grants: list[Grant]


class Authorize(msgspec.Struct, tag=True, frozen=True):
    """Let another company do something."""

    authorization: Authorization


class Revoke(msgspec.Struct, tag=True, frozen=True):
    """Take a permission away, as who was in a context with some permissions."""

    id: str
    context: Identity
    permissions: tuple[str, ...]


class Deauthorize(msgspec.Struct, tag=True, frozen=True):
    """Let another company do something no longer."""

    id: str
    context: Identity


Work: TypeAlias = Give | Authorize | Revoke | Deauthorize
_DECODER = msgspec.json.Decoder(Work)


def begin(emulator: Emulator, caller: Caller, work: Work) -> str:
    """Take some work on; give the operation's reference number."""
    operation = Operation(
        reference=emulator.new_reference("EG"),
        context=caller.context,
        created=emulator.clock.now(),
        code=RUNNING,
        work=msgspec.json.encode(work),
    )
    emulator.operations.add(operation)
    emulator.jobs.start(PermissionWork(emulator).carry_out, operation.reference)
    return operation.reference


class PermissionWork:
    """Carries operations out."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def carry_out(self, reference: str) -> None:
        """Bring an operation to its end."""
        ordered = self._emulator.work_faults.take_code(WorkFaultKind.PERMISSION_STATUS)
        if ordered == RUNNING:
            return
        with self._emulator.database.transaction():
            operation = self._emulator.operations.get(reference)
            if operation is None or operation.code != RUNNING:
                return
            code = ordered or self._do(_DECODER.decode(operation.work))
            self._emulator.operations.finish(reference, code)

    def _do(self, work: Work) -> int:
        match work:
            case Give():
                return self._give(work.grants)
            case Authorize():
                return self._authorize(work.authorization)
            case Revoke():
                return self._revoke(work)
            case Deauthorize():
                return self._deauthorize(work)

    def _give(self, grants: list[Grant]) -> int:
        here = self._emulator
        for grant in grants:
            code = judge_grant(grant, here.taxpayers)
            if code != DONE:
                return code
        here.grants.add(map(self._with_name, grants))
        return DONE

    def _with_name(self, grant: Grant) -> Grant:
        """Tell the company's name also of those whom its administrator lets act for it."""
        if grant.kind is not GrantKind.EU_ENTITY:
            return grant
        administrators = self._emulator.grants.select(
            kinds=[GrantKind.EU_ADMINISTRATION], holds_in=grant.holds_in
        )
        known = administrators[0].details if administrators else {"euEntityName": grant.holds_in.value}
        names = {name: known[name] for name in ("euEntityName", "euEntityDetails") if name in known}
        return replace(grant, details={**grant.details, **names})

    def _authorize(self, authorization: Authorization) -> int:
        code = judge_authorization(authorization)
        if code == DONE:
            self._emulator.authorizations.add(authorization)
        return code

    def _revoke(self, work: Revoke) -> int:
        grant = self._emulator.grants.get(work.id)
        code = judge_revocation(grant, work.context, work.permissions)
        if code == DONE and grant is not None:
            self._emulator.grants.remove(grant.id)
        return code

    def _deauthorize(self, work: Deauthorize) -> int:
        authorization = self._emulator.authorizations.get(work.id)
        code = judge_deauthorization(authorization, work.context)
        if code == DONE and authorization is not None:
            self._emulator.authorizations.remove(authorization.id)
        return code
