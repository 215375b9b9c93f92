"""A problem as the rules find it, who do not know the file's name."""

from __future__ import annotations

from typing import NamedTuple

TOO_LARGE = "file.too-large"
"""The one rule that depends on limits that differ by company."""


class Finding(NamedTuple):
    """
    One thing that is wrong (see :class:`~airflow_provider_ksef.client.checks.report.Problem`).

    :param rule: short name that stays the same between versions.
    :param line: counted from 1; None where it is no matter of a line.
    :param message: what is wrong, to follow the file's name.
    :param remedy: what to do about it.
    """

    rule: str
    line: int | None
    message: str
    remedy: str
