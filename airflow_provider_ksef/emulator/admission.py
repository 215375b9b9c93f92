"""Letting somebody in, or not: what both ways to log in have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.errors import ApiError
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.moments import TICKS_PER_SECOND
from airflow_provider_ksef.emulator.policies import AuthorizationPolicy
from airflow_provider_ksef.emulator.store.logins import Login
from airflow_provider_ksef.emulator.work_faults import WorkFaultKind

_CHALLENGE_LIFE = 600 * TICKS_PER_SECOND
_INCIDENT = (
    "Podejrzenie incydentu bezpieczeństwa. "
    "Skontaktuj się z Ministerstwem Finansów przez formularz zgłoszeniowy."
)


class Refused(Exception):  # noqa: N818  it says what happened
    """
    A login that ends without success.

    :param code: of its status, e.g. 450.
    :param detail: KSeF's sentence for the cause, where it tells one.
    """

    def __init__(self, code: int, detail: str | None) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Entrant:
    """
    Somebody who was recognized.

    :param subject_details: JSON text, as the claim ``sud`` has it.
    :param token: reference of the KSeF token that was shown.
    :param document_hash: of the signed document that was shown.
    """

    subject: Identity
    subject_details: str
    permissions: tuple[str, ...]
    token: str | None = None
    document_hash: str | None = None


def use_challenge(emulator: Emulator, challenge: str) -> int:
    """
    Use a challenge up; give when it was issued.

    :raises ApiError: 21111 where it is unknown, used or too old.
    """
    issued = emulator.logins.take_challenge(challenge)
    if issued is None or emulator.clock.now() > issued + _CHALLENGE_LIFE:
        raise ApiError(21111)
    return issued


def conclude_login(
    emulator: Emulator,
    context: Identity,
    method: str,
    policy: AuthorizationPolicy | None,
    recognize: Callable[[], Entrant],
) -> Login:
    """
    Decide on a login and keep the result, which its status tells later.

    :param recognize: finds out who it is, or raises :class:`Refused`.
    """
    now = emulator.clock.now()
    entrant, code, detail = None, 200, None
    try:
        _fail_as_ordered(emulator)
        if emulator.grants.is_blocked(context):
            raise Refused(480, _INCIDENT)
        entrant = recognize()
        _check(emulator, entrant)
    except Refused as refused:
        code, detail = refused.code, refused.detail
    login = Login(
        reference=emulator.new_reference("AU"),
        context_type=context.type,
        context_value=context.value,
        subject=str(entrant.subject) if entrant else None,
        method=method,
        started=now,
        ready=now + round(emulator.settings.delay * TICKS_PER_SECOND),
        code=code,
        detail=detail,
        permissions=entrant.permissions if entrant else (),
        subject_details=entrant.subject_details if entrant else None,
        policy=policy.to_claim() if policy else None,
        token=entrant.token if entrant else None,
        document_hash=entrant.document_hash if entrant else None,
    )
    emulator.logins.add(login)
    return login


def _fail_as_ordered(emulator: Emulator) -> None:
    ordered = emulator.work_faults.take_fault(WorkFaultKind.LOGIN_STATUS)
    if ordered is not None and ordered.code is not None:
        raise Refused(ordered.code, ordered.detail)


def _check(emulator: Emulator, entrant: Entrant) -> None:
    if emulator.taxpayers.is_deceased(entrant.subject):
        raise Refused(470, "Próba wykorzystania metod autoryzacyjnych osoby zmarłej")
    if not entrant.permissions:
        raise Refused(415, "Brak przypisanych uprawnień")
