"""Comparing permissions: what the difference gives and takes away makes things as they are wanted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_ksef.client.permission_difference import (
    Difference,
    HeldPermission,
    PermissionKey,
    difference,
)

KINDS = ("person", "entity", "authorization")
keys = st.builds(
    PermissionKey,
    kind=st.sampled_from(KINDS),
    subject_type=st.just("Nip"),
    subject=st.sampled_from(("1111111111", "7980332920")),
    permission=st.sampled_from(("InvoiceRead", "InvoiceWrite")),
    can_delegate=st.booleans(),
)
wishes = st.lists(keys, unique=True)
states = st.lists(keys).map(
    lambda there: [HeldPermission(f"id-{number}", key) for number, key in enumerate(there)]
)
governed = st.sets(st.sampled_from(KINDS))
own_ids = st.sets(st.integers(0, 12).map(lambda number: f"id-{number}"))


def applied(held: list[HeldPermission], change: Difference) -> list[HeldPermission]:
    gone = {each.id for each in change.surplus}
    given = [HeldPermission(f"new-{number}", key) for number, key in enumerate(change.missing)]
    return [each for each in held if each.id not in gone] + given


@given(wishes, states, governed, own_ids)
def test_what_it_changes_makes_it_as_wanted(
    wanted: list[PermissionKey], held: list[HeldPermission], kinds: set[str], own: set[str]
) -> None:
    change = difference(wanted, held, kinds, own)
    there = {each.key for each in applied(held, change) if each.key.kind in kinds}
    assert there == {key for key in wanted if key.kind in kinds} | set(change.kept)
    assert {each.key for each in held if each.id in own} >= set(change.kept)


@given(wishes, states, governed, own_ids)
def test_once_changed_nothing_is_left_to_do(
    wanted: list[PermissionKey], held: list[HeldPermission], kinds: set[str], own: set[str]
) -> None:
    again = difference(wanted, applied(held, difference(wanted, held, kinds, own)), kinds, own)
    assert (again.missing, again.surplus) == ((), ())


@given(wishes, states, governed, own_ids)
def test_other_kinds_and_the_logins_own_are_left_alone(
    wanted: list[PermissionKey], held: list[HeldPermission], kinds: set[str], own: set[str]
) -> None:
    change = difference(wanted, held, kinds, own)
    touched = [each.key.kind for each in change.surplus] + [key.kind for key in change.missing]
    assert set(touched) <= kinds
    assert not {each.id for each in change.surplus} & own


@given(st.data(), wishes, states, governed)
def test_the_order_of_what_is_given_does_not_matter(
    data: st.DataObject, wanted: list[PermissionKey], held: list[HeldPermission], kinds: set[str]
) -> None:
    shuffled = data.draw(st.permutations(wanted)), data.draw(st.permutations(held))
    assert difference(*shuffled, kinds) == difference(wanted, held, kinds)
