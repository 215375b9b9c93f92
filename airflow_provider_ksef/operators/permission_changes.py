"""Giving and taking away permissions until they are as they are wanted, whatever an earlier try has done."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from airflow_provider_ksef._compat import Context, task_state
from airflow_provider_ksef.client import KsefClient, permissions, waiting
from airflow_provider_ksef.client.calls import Call
from airflow_provider_ksef.client.permission_contexts import GrantRequest
from airflow_provider_ksef.client.permission_difference import (
    Difference,
    HeldPermission,
    PermissionKey,
)
from airflow_provider_ksef.client.permission_entries import PermissionEntry
from airflow_provider_ksef.client.permission_grants import EntityAuthorizationPermissionsGrantRequest
from airflow_provider_ksef.exceptions import KsefApiError, KsefError, KsefOperationError, KsefTimeoutError
from airflow_provider_ksef.operators.managing import ManagingOperator, ManagingProgress
from airflow_provider_ksef.operators.permission_note import PermissionNote
from airflow_provider_ksef.triggers.operation import KsefOperationTrigger

log = logging.getLogger(__name__)

_GRANT, _REVOKE = "granted ", "revoked "
_EXPIRED, _BAD_REQUEST = 410, 400
_MAY_MEAN_THERE_ALREADY = (400, 440, 450)
"""KSeF does not say how it refuses to give what is there but for the right to pass it on."""


@dataclass(frozen=True)
class Changes:
    """
    What a task has changed.

    :param difference: what is left, as KSeF tells it.
    :param granted: what it gave.
    :param revoked: what it took away.
    """

    difference: Difference
    granted: list[str]
    revoked: list[str]


class PermissionChanger:
    """
    Change permissions for one task. Each step begins with what KSeF tells, so that it may be killed anywhere.

    :param operator: says how to wait.
    :param context: Airflow's.
    :param ksef: the client.
    :param progress: how far the task has come.
    """

    def __init__(
        self, operator: ManagingOperator, context: Context, ksef: KsefClient, progress: ManagingProgress
    ) -> None:
        self._operator = operator
        self._note = PermissionNote(task_state(context))
        self._ksef = ksef
        self._progress = progress

    def change(self, compare: Callable[[], Difference], entries: Sequence[PermissionEntry]) -> Changes:
        """
        Take away what is surplus, then give what is missing.

        What differs only in whether it may be passed on is given first, so that nobody is without it.

        :param compare: asks KSeF for what is missing and surplus now.
        :param entries: what gives what is missing.
        :raises KsefOperationError: where KSeF refuses a change.
        :raises KsefTimeoutError: where KSeF has not carried a change out by the deadline.
        """
        failures = self._settle()
        self._wait_for_unanswered(compare)
        while True:
            left = compare()
            surplus = [each for each in left.surplus if _revoked(each) not in self._progress.done]
            replacing = _replacing(left.missing, surplus)
            missing = [key for key in left.missing if _granted(key) not in self._progress.done]
            in_vain = [key for key in replacing if key not in missing]
            if failures and (left.surplus or left.missing) and not (in_vain and _may_be_there(failures)):
                raise failures[0]
            if not surplus and not missing:
                return self._changes(left)
            if first := [key for key in replacing if key in missing]:
                self._replace(first, entries)
            elif surplus:
                self._forget([_granted(key) for key in in_vain])
                self._revoke(surplus)
            else:
                self._grant(missing, entries)
            failures = self._settle()

    def _changes(self, left: Difference) -> Changes:
        if left.surplus or left.missing:
            log.warning("KSeF has confirmed all changes and does not show all of them yet: %s", left)
        done = self._progress.done
        return Changes(
            left,
            sorted(each.removeprefix(_GRANT) for each in done if each.startswith(_GRANT)),
            sorted(each.removeprefix(_REVOKE).partition(" ")[2] for each in done if each.startswith(_REVOKE)),
        )

    def _revoke(self, surplus: Sequence[HeldPermission]) -> None:
        for each in surplus:
            is_authorization = each.key.kind == "authorization"
            revoke = permissions.revoke_authorization if is_authorization else permissions.revoke_common
            self._ask(revoke(each.id), [_revoked(each)])

    def _grant(self, missing: Sequence[PermissionKey], entries: Sequence[PermissionEntry]) -> None:
        for entry in entries:
            for request in entry.requests_for(missing):
                call = permissions.grant(request, self._ksef.settings.context)
                self._ask(call, [_granted(key) for key in _given_by(request, entry, missing)])

    def _replace(self, keys: Sequence[PermissionKey], entries: Sequence[PermissionEntry]) -> None:
        """Give what takes the place of something that is there; KSeF may take that for giving it twice."""
        try:
            self._grant(keys, entries)
        except KsefApiError as error:
            if error.fault.http_status != _BAD_REQUEST:
                raise
            log.warning("%s", error)
            self._progress.done += [_granted(key) for key in keys if _granted(key) not in self._progress.done]

    def _forget(self, changes: Sequence[str]) -> None:
        """Let what was done in vain be done again."""
        self._progress.done[:] = [each for each in self._progress.done if each not in changes]

    def _ask(self, call: Call[str], changes: Sequence[str]) -> None:
        """Note what KSeF is asked for, before and after: the next try waits for it before it looks again."""
        self._note.begin(changes)
        try:
            reference = self._ksef.run(call)
        except KsefError as error:
            self._note.fail(error)
            raise
        self._progress.pending.append(reference)
        self._progress.done += changes
        self._note.answer(self._progress.pending)
        for each in changes:
            log.info("%s: to be %s.", reference, each)

    def _wait_for_unanswered(self, compare: Callable[[], Difference]) -> None:
        """Wait until KSeF shows what an earlier try asked for without an answer, or has had time enough."""
        changes, until = self._note.unanswered()
        if not changes:
            return
        pause = waiting.FIRST_PAUSE
        while changes & _open(compare()):
            if time.time() > until:
                log.info("KSeF does not show what an earlier try may have asked for: %s", sorted(changes))
                break
            time.sleep(pause)
            pause = min(pause * waiting.PAUSE_GROWTH, waiting.LONGEST_PAUSE)
        self._note.end_request()

    def _settle(self) -> list[KsefOperationError]:
        """Wait for what was asked for; give what KSeF refused of what this try has asked for."""
        own = self._progress.pending
        outcomes = [self._wait(reference) for reference in own or self._note.operations()]
        failures = [failure for failure in outcomes if failure is not None]
        is_own = bool(own)
        own.clear()
        self._note.settle()
        for failure in failures:
            log.warning("%s", failure)
        return failures if is_own else []

    def _wait(self, reference: str) -> KsefOperationError | None:
        try:
            status = self._ksef.run(permissions.get_operation_status(reference))
            if not status.is_final:
                self._operator.leave_slot(KsefOperationTrigger, reference, self._progress)
                self._ksef.run(permissions.wait_for_operation(reference, self._left()))
            permissions.check_operation(status)
        except KsefOperationError as error:
            return error
        except KsefTimeoutError as error:
            raise KsefTimeoutError(
                f"KSeF has not carried out operation {reference} within {self._operator.timeout:.0f} s.",
                "Run the task again, or give it a longer timeout: it waits for this operation before it asks "
                "for anything else.",
            ) from error
        except KsefApiError as error:
            if error.fault.http_status != _EXPIRED:
                raise
        return None

    def _left(self) -> float:
        return max(0.0, self._progress.deadline - time.time())


def _granted(key: PermissionKey) -> str:
    return f"{_GRANT}{key}"


def _revoked(held: HeldPermission) -> str:
    return f"{_REVOKE}{held.id} {held.key}"


def _open(left: Difference) -> set[str]:
    return {_granted(key) for key in left.missing} | {_revoked(each) for each in left.surplus}


def _replacing(missing: Sequence[PermissionKey], surplus: Sequence[HeldPermission]) -> list[PermissionKey]:
    """Give what is there but for whether it may be passed on."""
    there = {each.key for each in surplus}
    return [key for key in missing if replace(key, can_delegate=not key.can_delegate) in there]


def _may_be_there(failures: Sequence[KsefOperationError]) -> bool:
    return all(each.code in _MAY_MEAN_THERE_ALREADY for each in failures)


def _given_by(
    request: GrantRequest, entry: PermissionEntry, missing: Sequence[PermissionKey]
) -> list[PermissionKey]:
    """Give what a request of an entry gives: authorizations come one by one, all else at once."""
    alone = request.permission if isinstance(request, EntityAuthorizationPermissionsGrantRequest) else None
    return [key for key in entry.keys if key in missing and alone in (None, key.permission)]
