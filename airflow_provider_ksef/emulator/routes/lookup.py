"""Finding what a path names, for a caller who may see it."""

from __future__ import annotations

from airflow_provider_ksef.emulator.access import Caller
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.errors import ApiError, foreign_resource
from airflow_provider_ksef.emulator.expiry import end_expired_sessions
from airflow_provider_ksef.emulator.store.exports import Export
from airflow_provider_ksef.emulator.store.sessions import Session

_SEE_ALL = {"Owner", "Introspection", "EnforcementOperations"}


def sees_whole_context(caller: Caller) -> bool:
    """Whether a caller sees also the sessions that others opened in his context."""
    return bool(_SEE_ALL & set(caller.permissions))


def own_session(
    emulator: Emulator,
    reference: str,
    caller: Caller,
    *,
    kind: str | None = None,
    missing: str = "znaleziona",
) -> Session:
    """
    Give a session of the caller's context.

    :param kind: Online or Batch, where the path says which.
    :param missing: the word with which KSeF tells here that there is none.
    :raises ApiError: 21173 where there is no such session.
    :raises Problem: 403 where it is another context's, or another subject's that the caller may not see.
    """
    end_expired_sessions(emulator)
    session = emulator.sessions.get(reference)
    if session is None or kind not in (None, session.kind):
        raise ApiError(21173, f"Sesja o numerze referencyjnym {reference} nie została {missing}.")
    is_own = session.subject == caller.subject or sees_whole_context(caller)
    if session.context != caller.context or not is_own:
        raise foreign_resource()
    return session


def own_export(emulator: Emulator, reference: str, caller: Caller) -> Export:
    """
    Give an export of the caller's context.

    :raises ApiError: 21175 where there is no such export.
    :raises Problem: 403 where it is another context's.
    """
    export = emulator.exports.get(reference)
    if export is None:
        raise ApiError(21175)
    if export.context != caller.context:
        raise foreign_resource()
    return export
