"""What to give and what to take away so that permissions are as they are wanted; nothing is asked or sent."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class PermissionKey:
    """
    One permission of somebody, by what tells it from others.

    :param kind: how it is given, such as ``person``.
    :param subject_type: such as ``Pesel``.
    :param subject: identifier of who has it.
    :param permission: such as ``InvoiceRead``.
    :param place: below the context, such as ``InternalId 5250001210-12346``; empty for the context itself.
    :param target: whose invoices, where it was passed on, such as ``Nip 1111111111`` or ``AllPartners``.
    :param can_delegate: whether a company may pass it on.
    """

    kind: str
    subject_type: str
    subject: str
    permission: str
    place: str = ""
    target: str = ""
    can_delegate: bool = False

    def __str__(self) -> str:
        where = f" in {self.place}" if self.place else ""
        whose = f" for {self.target}" if self.target else ""
        passed_on = ", to be passed on" if self.can_delegate else ""
        who = f"{self.subject_type} {self.subject}"
        return f"{self.kind}: {self.permission} of {who}{where}{whose}{passed_on}"


@dataclass(frozen=True)
class HeldPermission:
    """
    A permission that somebody has.

    :param id: by which it is revoked.
    :param key: which one.
    """

    id: str
    key: PermissionKey


@dataclass(frozen=True)
class Difference:
    """
    What lies between the permissions that are there and those that are wanted.

    :param missing: to be given.
    :param surplus: to be taken away.
    :param unchanged: there and wanted.
    :param kept: not wanted, but the login's own: who takes them away locks himself out.
    """

    missing: tuple[PermissionKey, ...]
    surplus: tuple[HeldPermission, ...]
    unchanged: tuple[PermissionKey, ...]
    kept: tuple[PermissionKey, ...]


def difference(
    wanted: Collection[PermissionKey],
    held: Collection[HeldPermission],
    kinds: Collection[str],
    own: Collection[str] = (),
) -> Difference:
    """
    Compare what is wanted with what is there.

    :param wanted: all permissions that there are to be.
    :param held: all permissions that there are.
    :param kinds: permissions of other kinds are left alone, whatever they are.
    :param own: ids of the login's own permissions.
    """
    asked = {key for key in wanted if key.kind in kinds}
    governed = [each for each in held if each.key.kind in kinds]
    there = {each.key for each in governed}
    unwanted = [each for each in governed if each.key not in asked]
    return Difference(
        missing=tuple(sorted(asked - there)),
        surplus=tuple(sorted((each for each in unwanted if each.id not in own), key=_order)),
        unchanged=tuple(sorted(asked & there)),
        kept=tuple(sorted({each.key for each in unwanted if each.id in own})),
    )


def _order(held: HeldPermission) -> tuple[PermissionKey, str]:
    return held.key, held.id
