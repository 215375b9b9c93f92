"""Records of a store as what they mean, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from airflow_provider_ksef.client.turn_store import Record

T = TypeVar("T")


def decoded(record: Record, kind: type[T]) -> T:
    """
    Read a record; one that cannot be read, such as an older version's, counts as none.

    :param record: as the store gives it.
    :param kind: what it is; made without arguments where there is none.
    """
    try:
        return kind() if record is None else msgspec.json.decode(record, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return kind()


def encoded(values: Mapping[str, object]) -> dict[str, bytes]:
    """
    Write records.

    :param values: by key.
    """
    return {key: msgspec.json.encode(value) for key, value in values.items()}
