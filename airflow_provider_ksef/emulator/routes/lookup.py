"""Finding what a path names, for a caller who may see it."""

from __future__ import annotations

from airflow_provider_ksef.emulator.access import Caller
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.errors import ApiError, foreign_resource
from airflow_provider_ksef.emulator.store.exports import Export
from airflow_provider_ksef.emulator.store.sessions import Session


def own_session(emulator: Emulator, reference: str, caller: Caller, *, kind: str | None = None) -> Session:
    """
    Give a session of the caller's context.

    :param kind: Online or Batch, where the path says which.
    :raises ApiError: 21173 where there is no such session.
    :raises Problem: 403 where it is another context's.
    """
    session = emulator.sessions.get(reference, emulator.clock.now())
    if session is None or kind not in (None, session.kind):
        raise ApiError(21173, f"Sesja o numerze referencyjnym {reference} nie została znaleziona.")
    if session.context != caller.context:
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
