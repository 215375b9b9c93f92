"""Giving permissions and taking them away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from airflow_provider_ksef._compat import Context
from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.client.permission_difference import (
    Difference,
    HeldPermission,
    PermissionKey,
    difference,
)
from airflow_provider_ksef.client.permission_entries import read_anywhere, read_entry
from airflow_provider_ksef.client.permission_holdings import held_permissions
from airflow_provider_ksef.client.permission_keys import read_keys
from airflow_provider_ksef.operators.managing import ManagingOperator, ManagingProgress
from airflow_provider_ksef.operators.parameters import is_given
from airflow_provider_ksef.operators.permission_changes import PermissionChanger


class KsefGrantPermissionOperator(ManagingOperator):
    """
    Give somebody permissions in the connection's context, and wait until KSeF has done so.

    What is there already is not given again. The result is ``{"status", "granted", "already"}``: ``granted``
    or ``already``, and each permission as a text. The login needs ``CredentialsManage`` (for what is below a
    company ``SubunitManage``, in a composite context ``VatUeManage``).

    :param permission: a dictionary with ``kind``, ``subject_identifier``, ``permissions``, ``description``,
        ``subject_details`` and what else the kind needs, see the page on permissions. Kinds: ``person``,
        ``entity``, ``authorization``, ``indirect``, ``subunit``, ``eu_entity_administration``, ``eu_entity``.
    :param ksef_conn_id: the Airflow connection.
    :param context_identifier: overrides the connection's login.
    :param deferrable: wait in the triggerer and leave the worker slot free.
    :param poll_interval: seconds between two questions at first.
    :param timeout: seconds to wait for KSeF.
    """

    template_fields: Sequence[str] = ("permission", "ksef_conn_id", "context_identifier")

    def __init__(self, *, permission: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if is_plain(permission):
            read_anywhere("permission", permission)
        self.permission = permission

    def manage(self, context: Context, ksef: KsefClient, progress: ManagingProgress) -> dict[str, Any]:
        """Compare, give what is missing, and wait for it."""
        entry = read_entry("permission", self.permission, ksef.settings.context)
        kinds = {key.kind for key in entry.keys}

        def compare() -> Difference:
            held = ksef.run(held_permissions(ksef.settings.context, kinds))
            there = [each for each in held if each.key in entry.keys]
            return difference(entry.keys, there, kinds)

        changes = PermissionChanger(self, context, ksef, progress).change(compare, [entry])
        granted = set(changes.granted)
        return {
            "status": "granted" if granted else "already",
            "granted": changes.granted,
            "already": [str(key) for key in entry.keys if str(key) not in granted],
        }


class KsefRevokePermissionOperator(ManagingOperator):
    """
    Take permissions away from somebody, and wait until KSeF has done so.

    What is not there needs no taking away. The result is ``{"status", "revoked", "already"}``: ``revoked`` or
    ``already``, and each permission as a text.

    :param permission: a dictionary as in :class:`KsefGrantPermissionOperator`; who that is and why may be
        left out. Whether a company may pass a permission on does not matter.
    :param ksef_conn_id: the Airflow connection.
    :param context_identifier: overrides the connection's login.
    :param deferrable: wait in the triggerer and leave the worker slot free.
    :param poll_interval: seconds between two questions at first.
    :param timeout: seconds to wait for KSeF.
    """

    template_fields: Sequence[str] = ("permission", "ksef_conn_id", "context_identifier")

    def __init__(self, *, permission: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if is_plain(permission):
            read_keys("permission", permission)
        self.permission = permission

    def manage(self, context: Context, ksef: KsefClient, progress: ManagingProgress) -> dict[str, Any]:
        """Find what is there of it, take it away, and wait for that."""
        keys = read_keys("permission", self.permission)
        kinds, meant = {key.kind for key in keys}, {_without_delegation(key) for key in keys}

        def compare() -> Difference:
            held = ksef.run(held_permissions(ksef.settings.context, kinds))
            return difference((), _those_of(held, meant), kinds)

        changes = PermissionChanger(self, context, ksef, progress).change(compare, [])
        revoked = set(changes.revoked)
        return {
            "status": "revoked" if revoked else "already",
            "revoked": changes.revoked,
            "already": [str(key) for key in keys if not revoked & _spellings(key)],
        }


def is_plain(given: object) -> bool:
    """
    Whether a permission is known when the DAG is parsed, with nothing templated in it.

    :param given: of the parameter.
    """
    if isinstance(given, Mapping):
        return all(is_plain(each) for each in given.values())
    if isinstance(given, (list, tuple)):
        return all(map(is_plain, given))
    return given is None or is_given(given)


def _without_delegation(key: PermissionKey) -> PermissionKey:
    return replace(key, can_delegate=False)


def _those_of(held: Sequence[HeldPermission], meant: set[PermissionKey]) -> list[HeldPermission]:
    return [each for each in held if _without_delegation(each.key) in meant]


def _spellings(key: PermissionKey) -> set[str]:
    return {str(replace(key, can_delegate=can_delegate)) for can_delegate in (False, True)}
