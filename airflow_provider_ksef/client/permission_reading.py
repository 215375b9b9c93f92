"""From KSeF's pages of permissions to typed results."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from airflow_provider_ksef.client.answers import json_parser, moment
from airflow_provider_ksef.client.calls import Answer
from airflow_provider_ksef.client.paging import OffsetPage

T = TypeVar("T")
_CAPITAL = re.compile(r"(?<=.)([A-Z])")
_MOMENT = "startDate"


class _Permissions(msgspec.Struct, rename="camel"):
    permissions: list[dict[str, Any]]
    has_more: bool


class _Roles(msgspec.Struct, rename="camel"):
    roles: list[dict[str, Any]]
    has_more: bool


class _Authorizations(msgspec.Struct, rename="camel"):
    authorization_grants: list[dict[str, Any]]
    has_more: bool


def read_as(kind: type[T], item: dict[str, Any]) -> T:
    """
    Make a result of an object whose members have its fields' names in KSeF's spelling.

    :raises msgspec.ValidationError: where a member is missing or of another type.
    """
    return msgspec.convert(_renamed(item), kind)


def permissions_parser(kind: type[T]) -> Callable[[Answer], OffsetPage[T]]:
    """Make a parser of pages of permissions."""

    def build(page: _Permissions) -> OffsetPage[T]:
        return OffsetPage([read_as(kind, item) for item in page.permissions], page.has_more)

    return json_parser(_Permissions, build)


def roles_parser(kind: type[T]) -> Callable[[Answer], OffsetPage[T]]:
    """Make a parser of pages of roles."""

    def build(page: _Roles) -> OffsetPage[T]:
        return OffsetPage([read_as(kind, item) for item in page.roles], page.has_more)

    return json_parser(_Roles, build)


def authorizations_parser(kind: type[T]) -> Callable[[Answer], OffsetPage[T]]:
    """Make a parser of pages of authorizations."""

    def build(page: _Authorizations) -> OffsetPage[T]:
        return OffsetPage([read_as(kind, item) for item in page.authorization_grants], page.has_more)

    return json_parser(_Authorizations, build)


def _renamed(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            _CAPITAL.sub(r"_\1", name).lower(): moment(each) if name == _MOMENT else _renamed(each)
            for name, each in value.items()
        }
    return value
