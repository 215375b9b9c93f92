"""Permissions as they are wanted, kept as data beside the DAG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_ksef._compat import Context
from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.client.permission_difference import Difference, difference
from airflow_provider_ksef.client.permission_entries import (
    PermissionEntry,
    check_list,
    read_anywhere,
    read_entries,
)
from airflow_provider_ksef.client.permission_holdings import (
    KINDS,
    KINDS_OF,
    held_permissions,
    own_permission_ids,
)
from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.operators.managing import ManagingOperator, ManagingProgress
from airflow_provider_ksef.operators.parameters import check_at_least, check_choice
from airflow_provider_ksef.operators.permission_changes import PermissionChanger
from airflow_provider_ksef.operators.permissions import is_plain


class KsefSyncPermissionsOperator(ManagingOperator):
    """
    Hold the permissions in the connection's context against those that are wanted, and make them so.

    With ``dry_run``, the default, it only reports the difference. Otherwise it takes away what is not wanted,
    then gives what is missing; what differs only in ``can_delegate`` it gives first. The login's own
    permissions are never taken away, and those of other kinds are left alone. The result is
    ``{"dry_run", "missing", "surplus", "unchanged", "kept", "granted", "revoked"}``, each permission as a
    text; ``kept`` are the login's own that are not wanted. After changes ``missing`` and ``surplus`` hold
    what KSeF has confirmed and does not show yet, mostly nothing.

    :param wanted: a list of dictionaries as in :class:`~.permissions.KsefGrantPermissionOperator`, or the
        name of a YAML file with such a list, such as ``permissions.yaml``, in the DAG's folder or in its
        ``template_searchpath``.
    :param kinds: kinds of permissions that are held against the list; None for those that occur in it. Of a
        kind that is named here and does not occur in the list, everything is taken away.
    :param dry_run: only report.
    :param max_revocations: where more would be taken away, fail before anything is changed; None for any
        number.
    :param ksef_conn_id: the Airflow connection.
    :param context_identifier: overrides the connection's login.
    :param deferrable: wait in the triggerer and leave the worker slot free.
    :param poll_interval: seconds between two questions at first.
    :param timeout: seconds to wait for KSeF.
    """

    template_fields: Sequence[str] = ("wanted", "ksef_conn_id", "context_identifier")
    template_ext: Sequence[str] = (".yaml", ".yml")

    def __init__(
        self,
        *,
        wanted: Sequence[Mapping[str, Any]] | str,
        kinds: Sequence[str] | None = None,
        dry_run: bool = True,
        max_revocations: int | None = 10,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(kinds, str):
            raise KsefInputError("kinds", kinds, "is no list", "Give a list of kinds.")
        for kind in kinds or ():
            check_choice("kinds", kind, KINDS)
        check_at_least("max_revocations", 0 if max_revocations is None else max_revocations, 0)
        if not isinstance(wanted, str) and is_plain(wanted):
            check_list("wanted", wanted)
            _check_not_empty(wanted, kinds)
            for number, each in enumerate(wanted):
                read_anywhere(f"wanted[{number}]", each)
        self.wanted = wanted
        self.kinds = kinds
        self.report_only = dry_run  # BaseOperator has a method dry_run
        self.max_revocations = max_revocations

    def manage(self, context: Context, ksef: KsefClient, progress: ManagingProgress) -> dict[str, Any]:
        """Compare; then report, or change what differs."""
        wanted = _from_yaml(self.wanted) if isinstance(self.wanted, str) else self.wanted
        _check_not_empty(wanted, self.kinds)
        entries = read_entries("wanted", wanted, ksef.settings.context)
        kinds = self._kinds(entries, ksef.settings.context.type)
        keys = [key for entry in entries for key in entry.keys]
        own = ksef.run(own_permission_ids())

        def compare() -> Difference:
            return difference(keys, ksef.run(held_permissions(ksef.settings.context, kinds)), kinds, own)

        if self.report_only:
            return self._told(compare(), [], [])
        changer = PermissionChanger(self, context, ksef, progress)
        changes = changer.change(lambda: self._within_bounds(compare(), progress), entries)
        return self._told(changes.difference, changes.granted, changes.revoked)

    def _kinds(self, entries: Sequence[PermissionEntry], context_type: str) -> tuple[str, ...]:
        named = self.kinds or {key.kind for entry in entries for key in entry.keys}
        for kind in named:
            if kind not in KINDS_OF[context_type]:
                raise KsefInputError(
                    "kinds",
                    kind,
                    f"is not given in a context of type {context_type}",
                    f"There are: {', '.join(KINDS_OF[context_type]) or 'none'}.",
                )
        return tuple(named)

    def _within_bounds(self, left: Difference, progress: ManagingProgress) -> Difference:
        """Refuse too many revocations as long as nothing was changed."""
        if self.max_revocations is None or progress.done or len(left.surplus) <= self.max_revocations:
            return left
        raise KsefInputError(
            "max_revocations",
            self.max_revocations,
            f"{len(left.surplus)} permissions would be taken away, and nothing was changed",
            "Look at the report of dry_run=True, and raise max_revocations where that is meant.",
        )

    def _told(self, left: Difference, granted: list[str], revoked: list[str]) -> dict[str, Any]:
        told = {
            "missing": [str(key) for key in left.missing],
            "surplus": [str(each.key) for each in left.surplus],
            "unchanged": [str(key) for key in left.unchanged],
            "kept": [str(key) for key in left.kept],
        }
        for each in told["missing"]:
            self.log.info("Missing: %s", each)
        for each in told["surplus"]:
            self.log.info("Not wanted: %s", each)
        for each in told["kept"]:
            self.log.warning("Not wanted, but the login's own, so it stays: %s", each)
        return {"dry_run": self.report_only, **told, "granted": granted, "revoked": revoked}


def _check_not_empty(wanted: object, kinds: Sequence[str] | None) -> None:
    if not wanted and not kinds:
        raise KsefInputError(
            "wanted",
            None,
            "is empty, so it is not known what is held against it",
            "Name the kinds of which nothing is wanted in kinds.",
        )


def _from_yaml(text: str) -> object:
    """Read the list; Airflow has put the file's content into the field, since its name ends so."""
    import yaml

    try:
        read = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise KsefInputError(
            "wanted", None, f"is no YAML: {error}", "Give a list of permissions, or a file with one."
        ) from error
    if isinstance(read, str):
        raise KsefInputError(
            "wanted", read, "is no list", "Give a list, or the name of a file that ends in .yaml or .yml."
        )
    return read
