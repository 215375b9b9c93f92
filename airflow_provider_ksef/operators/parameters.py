"""What a parameter must be, whatever the data."""

from __future__ import annotations

from os import PathLike

from upath import UPath

from airflow_provider_ksef._compat import ObjectStoragePath, storage_path
from airflow_provider_ksef.exceptions import KsefInputError


def check_choice(field: str, value: str, choices: tuple[str, ...]) -> None:
    """
    Refuse a value that is none of the choices.

    :raises KsefInputError: names the field, the value and the choices.
    """
    if value not in choices:
        raise KsefInputError(field, value, "is not known", f"Give one of: {', '.join(choices)}.")


def check_above(field: str, value: float, bound: float) -> None:
    """
    Refuse a number that is not above a bound.

    :raises KsefInputError: names the field, the value and the bound.
    """
    if not value > bound:
        raise KsefInputError(field, value, "is too small", f"Give a number above {bound}.")


def check_at_least(field: str, value: float, bound: float) -> None:
    """
    Refuse a number below a bound.

    :raises KsefInputError: names the field, the value and the bound.
    """
    if not value >= bound:
        raise KsefInputError(field, value, "is too small", f"Give {bound} or more.")


def path_of(field: str, named: str | PathLike[str] | ObjectStoragePath) -> UPath:
    """
    Open what a parameter names.

    :raises KsefInputError: where it names nothing, such as a template that gave an empty text.
    """
    try:
        return storage_path(named)
    except ValueError as error:
        raise KsefInputError(
            field,
            str(named),
            str(error),
            "Give a local path, or a URL such as s3://aws_default@bucket/folder.",
        ) from error
