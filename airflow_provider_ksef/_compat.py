"""The one place that knows differences between Airflow versions; every other room takes Airflow from here."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, cast

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    Asset,
    AssetAlias,
    BaseHook,
    BaseOperator,
    BaseOperatorLink,
    BaseSensorOperator,
    Context,
    ObjectStoragePath,
    PokeReturnValue,
    Stats,
    conf,
    get_current_context,
)
from airflow.sdk import RetryDecision, RetryPolicy
from airflow.sdk import log as sdk_log
from airflow.sdk.exceptions import AirflowRescheduleException, AirflowRuntimeError
from airflow.triggers.base import BaseEventTrigger, BaseTrigger, TriggerEvent
from upath import UPath

log = logging.getLogger(__name__)

__all__ = [
    "AirflowException",
    "AirflowFailException",
    "AirflowRescheduleException",
    "AirflowRuntimeError",
    "AirflowSensorTimeout",
    "Asset",
    "AssetAlias",
    "AssetState",
    "BaseEventTrigger",
    "BaseHook",
    "BaseOperator",
    "BaseOperatorLink",
    "BaseSensorOperator",
    "BaseTrigger",
    "Context",
    "ObjectStoragePath",
    "PokeReturnValue",
    "RetryDecision",
    "RetryPolicy",
    "Stats",
    "TaskState",
    "TriggerEvent",
    "amask_secrets",
    "asset_event_extras",
    "asset_state",
    "conf",
    "connection_extra",
    "current_task_tags",
    "default_deferrable",
    "first_started",
    "mask_secrets",
    "max_tries",
    "storage_path",
    "task_state",
]


class TaskState(Protocol):
    """What a task may note for its next try: small JSON values, never secrets."""

    def get(self, key: str) -> Any:
        """Give the value noted under ``key``, or None."""

    def require(self, key: str) -> Any:
        """Do the same; a store's own failure is not taken for None but raised as it is."""

    def set(self, key: str, value: Any) -> bool:
        """Note a JSON value under ``key``; False where a store that is there has failed."""

    def delete(self, key: str) -> None:
        """Forget ``key``; nothing happens where it is not there."""


class _NoTaskState:
    """Airflow before 3.3, or a context made by hand: nothing is remembered, a next try begins anew."""

    def get(self, key: str) -> Any:
        del key

    def require(self, key: str) -> Any:
        del key

    def set(self, key: str, value: Any) -> bool:
        del key, value
        return True

    def delete(self, key: str) -> None:
        del key


class _TaskStateCache:
    """A state store whose own failures cost no more than what it would have saved."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def get(self, key: str) -> Any:
        try:
            return self._store.get(key)
        except Exception as error:  # noqa: BLE001
            log.warning("The task's state cannot be read, going on without it: %s", error)
            return None

    def require(self, key: str) -> Any:
        return self._store.get(key)

    def set(self, key: str, value: Any) -> bool:
        try:
            self._store.set(key, value)
        except Exception as error:  # noqa: BLE001
            log.warning("The task's state cannot be written: %s", error)
            return False
        return True

    def delete(self, key: str) -> None:
        try:
            self._store.delete(key)
        except Exception as error:  # noqa: BLE001
            log.warning("The task's state cannot be written, going on without it: %s", error)


def task_state(context: Context | Mapping[str, Any]) -> TaskState:
    """
    Give the task's state store, which is a cache that saves calls and never the ground of correctness.

    :param context: the context that Airflow passes to ``execute``.
    """
    store = context.get("task_state_store")
    return _NoTaskState() if store is None else _TaskStateCache(store)


def keeps_task_state(context: Context | Mapping[str, Any]) -> bool:
    """
    Whether the task's state outlives a try.

    :param context: the context that Airflow passes to ``execute``.
    """
    return context.get("task_state_store") is not None


def current_task_tags() -> dict[str, str]:
    """Name the DAG and the task that this code runs for, as tags of metrics; nothing outside of a task."""
    try:
        ti: Any = get_current_context()["ti"]
    except (RuntimeError, KeyError):
        return {}
    return {"dag_id": str(ti.dag_id), "task_id": str(ti.task_id)}


def max_tries(context: Context | Mapping[str, Any]) -> int:
    """
    Give the last try that the task may have, counted from its first one: clearing the task raises it.

    :param context: the context that Airflow passes to ``execute``.
    """
    return int(getattr(context["ti"], "max_tries", 0))


def first_started(context: Context | Mapping[str, Any]) -> float | None:
    """
    Tell when a task that was rescheduled first began, in seconds since the epoch; None where it never was.

    :param context: the context that Airflow passes to ``execute``.
    """
    ask = getattr(context.get("ti"), "get_first_reschedule_date", None)
    began = ask(context) if ask is not None else None
    return None if began is None else float(began.timestamp())


def asset_event_extras(asset: Asset, limit: int) -> list[dict[str, Any]]:
    """
    Give the extras of an asset's last events, the newest first; none where Airflow cannot tell a task.

    :param asset: the asset.
    :param limit: how many events at most.
    """
    try:
        from airflow.sdk.execution_time.context import InletEventsAccessors

        events = InletEventsAccessors([asset])[asset].ascending(ascending=False).limit(limit)
        return [dict(event.extra or {}) for event in events]
    except Exception as error:  # noqa: BLE001
        log.info("Earlier events of %s cannot be read: %s", asset.uri, error)
        return []


class AssetState(Protocol):
    """What a trigger that watches an asset may note for its next start: small JSON values, never secrets."""

    async def aget(self, key: str, default: Any = None) -> Any:
        """Give the value noted under ``key``, or the default."""

    async def aset(self, key: str, value: Any) -> None:
        """Note a JSON value under ``key``."""


class _NoAssetState:
    """Airflow before 3.3.2, or a trigger that watches nothing: what is noted is lost when it ends."""

    def __init__(self) -> None:
        self._noted: dict[str, Any] = {}

    async def aget(self, key: str, default: Any = None) -> Any:
        return self._noted.get(key, default)

    async def aset(self, key: str, value: Any) -> None:
        self._noted[key] = value


def asset_state(trigger: BaseEventTrigger) -> AssetState:
    """
    Give the state store of the asset that a trigger watches.

    :param trigger: where several assets share it, the first one by name keeps its notes.
    """
    store = getattr(trigger, "asset_state_store", None)
    if not hasattr(store, "aset"):
        log.warning("There is no asset state store: the position is lost when this trigger ends.")
        return _NoAssetState()
    named = getattr(store, "_by_name", {})
    return cast("AssetState", named[min(named)] if len(named) > 1 else store)


async def connection_extra(connection: Any) -> dict[str, Any]:
    """Give a connection's extra without blocking the event loop, as far as Airflow lets us."""
    if hasattr(connection, "aextra_dejson"):
        extra: dict[str, Any] = await connection.aextra_dejson()
        return extra
    return dict(connection.extra_dejson)


def mask_secrets(secrets: list[str]) -> None:
    """Keep these texts out of the logs of the task and of its supervisor."""
    if secrets:
        sdk_log.mask_secret(list(secrets))


async def amask_secrets(secrets: list[str]) -> None:
    """Do as :func:`mask_secrets` does without blocking the event loop, as far as Airflow lets us."""
    if secrets and hasattr(sdk_log, "amask_secret"):
        await sdk_log.amask_secret(list(secrets))
    else:
        mask_secrets(secrets)


def storage_path(named: str | PathLike[str] | ObjectStoragePath) -> UPath:
    """
    Open what a DAG author names: a local path, or a URL whose credentials an Airflow connection holds.

    :param named: ``/data/x``, ``s3://aws_default@bucket/x``, a ``pathlib`` path or an ``ObjectStoragePath``.
    :raises ValueError: where it is empty, which would mean the worker's current folder, or the text that a
        template makes of None, which would mean a folder of that name there.
    """
    if isinstance(named, ObjectStoragePath):
        return cast("UPath", named)
    text = str(named).strip()
    if not text:
        raise ValueError("is empty")
    if text == "None":
        raise ValueError("is what a template makes of nothing")
    return cast("UPath", ObjectStoragePath(str(Path(text).expanduser()) if text.startswith("~") else text))


def default_deferrable() -> bool:
    """Whether the installation defers by default (``[operators] default_deferrable``)."""
    return bool(conf.getboolean("operators", "default_deferrable", fallback=False))
