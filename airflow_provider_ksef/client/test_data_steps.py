"""Test data as data: from plain dictionaries to the calls that make them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from airflow_provider_ksef.client import test_data
from airflow_provider_ksef.client.calls import Flow
from airflow_provider_ksef.client.input_checks import check_choice, is_list
from airflow_provider_ksef.client.settings import ENVIRONMENTS, ContextIdentifier, Environment
from airflow_provider_ksef.client.subjects import SubjectIdentifier
from airflow_provider_ksef.exceptions import KsefInputError

T = TypeVar("T")
ACTIONS: dict[str, Callable[..., Flow[None]]] = {
    "create_subject": test_data.create_subject,
    "remove_subject": test_data.remove_subject,
    "create_person": test_data.create_person,
    "remove_person": test_data.remove_person,
    "grant_permissions": test_data.grant_permissions,
    "revoke_permissions": test_data.revoke_permissions,
    "grant_attachment": test_data.grant_attachment,
    "revoke_attachment": test_data.revoke_attachment,
    "block_context": test_data.block_context,
    "unblock_context": test_data.unblock_context,
    "update_certificate": test_data.update_certificate,
}
"""What there is to be done, by name."""


@dataclass(frozen=True)
class TestDataStep:
    """
    One thing to be done.

    :param action: one of :data:`ACTIONS`.
    :param parameters: of the function.
    """

    __test__ = False  # pytest takes it for a test by its name

    action: str
    parameters: Mapping[str, Any]

    def __str__(self) -> str:
        first = next(iter(self.parameters.values()))
        return f"{self.action} {getattr(first, 'value', first)}"

    def call(self, environment: Environment) -> Flow[None]:
        """
        Make the call.

        :param environment: of the client's settings.
        :raises KsefInputError: where the environment has no test data.
        """
        return ACTIONS[self.action](environment, **self.parameters)


def read_steps(field: str, given: object) -> list[TestDataStep]:
    """
    Read a list of steps, and check each.

    :param field: the parameter that holds them.
    :param given: a list of dictionaries.
    :raises KsefInputError: names the step by its number, the member, its value, and the rule.
    """
    if not is_list(given) or not given:
        raise KsefInputError(field, given, "is no list of one or more steps", "Give a list of dictionaries.")
    return [_read(f"{field}[{number}]", each) for number, each in enumerate(given)]


def _read(field: str, given: object) -> TestDataStep:
    if not isinstance(given, Mapping):
        raise KsefInputError(field, type(given).__name__, "is no step", "Give a dictionary with action.")
    try:
        action = check_choice("action", str(given.get("action")), tuple(ACTIONS))
        members = {name: value for name, value in given.items() if name != "action"}
        _check_names(action, members)
        step = TestDataStep(
            action, {name: _READERS.get(name, _same)(name, value) for name, value in members.items()}
        )
        step.call(ENVIRONMENTS["test"])
    except KsefInputError as error:
        raise KsefInputError(f"{field}.{error.field}", error.value, error.problem, error.remedy) from error
    return step


def _check_names(action: str, members: Mapping[str, Any]) -> None:
    known = {
        name: each
        for name, each in inspect.signature(ACTIONS[action]).parameters.items()
        if name != "environment"
    }
    for name in members:
        if name not in known:
            raise KsefInputError(name, None, f"is no parameter of {action}", f"It takes: {', '.join(known)}.")
    for name, each in known.items():
        if each.default is each.empty and members.get(name) is None:
            raise KsefInputError(name, None, f"is missing for {action}", "Give it.")


def _same(name: str, value: Any) -> Any:
    if name in _TEXTS and not isinstance(value, str):
        raise KsefInputError(
            name, value, f"is of type {type(value).__name__}, not a text", "Put it into quotation marks."
        )
    return value


def _members(name: str, value: Any, known: Sequence[str]) -> list[str]:
    """Give a dictionary's texts, of which all must be there."""
    if not isinstance(value, Mapping) or set(value) != set(known):
        raise KsefInputError(name, value, "is no dictionary of its members", f"Give {' and '.join(known)}.")
    texts = [value[each] for each in known]
    if not all(isinstance(each, str) for each in texts):
        raise KsefInputError(name, value, "has a member that is no text", "Put it into quotation marks.")
    return texts


def _subject(name: str, value: Any) -> SubjectIdentifier:
    kind, identifier = _members(name, value, ("type", "value"))
    return _placed(name, lambda: SubjectIdentifier(kind, identifier))


def _context(name: str, value: Any) -> ContextIdentifier:
    kind, identifier = _members(name, value, ("type", "value"))
    try:
        return ContextIdentifier(kind, identifier)
    except KsefInputError as error:
        # A context speaks of the connection's fields, which hold one elsewhere.
        member = "type" if error.field == "context_type" else "value"
        raise KsefInputError(
            f"{name}.{member}", error.value, error.problem, "Give type and value as KSeF has them."
        ) from error


def _subunits(name: str, value: Any) -> list[test_data.Subunit]:
    if not is_list(value):
        raise KsefInputError(name, value, "is no list", "Give a list of subject_nip and description.")
    return [_subunit(f"{name}[{number}]", each) for number, each in enumerate(value)]


def _subunit(name: str, value: Any) -> test_data.Subunit:
    nip, description = _members(name, value, ("subject_nip", "description"))
    return _placed(name, lambda: test_data.Subunit(nip, description))


def _placed(name: str, make: Callable[[], T]) -> T:
    """Make something of a member's own members; what is wrong with one is told with the place of both."""
    try:
        return make()
    except KsefInputError as error:
        raise KsefInputError(f"{name}.{error.field}", error.value, error.problem, error.remedy) from error


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise KsefInputError(
            name, value, "is not true or false", "Give one of the two, without quotation marks."
        )
    return value


def _moment(name: str, value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise KsefInputError(
            name, value, "is no moment", "Give one such as 2026-09-01T12:00:00+00:00."
        ) from error


def _day(name: str, value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise KsefInputError(name, value, "is no date", "Give one such as 2026-09-01.") from error


_TEXTS = (
    "subject_nip",
    "subject_type",
    "description",
    "nip",
    "pesel",
    "context_nip",
    "certificate_serial_number",
)
_READERS: dict[str, Callable[[str, Any], Any]] = {
    "authorized_identifier": _subject,
    "context": _context,
    "subunits": _subunits,
    "is_bailiff": _flag,
    "is_deceased": _flag,
    "created_date": _moment,
    "valid_to": _moment,
    "expected_end_date": _day,
}
