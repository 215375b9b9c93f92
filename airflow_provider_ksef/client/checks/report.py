"""What the checks found: every problem of every file, and the files that may be sent."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from airflow_provider_ksef.client.checks.facts import InvoiceFacts
from airflow_provider_ksef.client.invoice_files import InvoicePath, reader_of
from airflow_provider_ksef.client.packing import InvoiceFile
from airflow_provider_ksef.exceptions import KsefInputError

SHOWN_PROBLEMS = 5


@dataclass(frozen=True)
class Problem:
    """
    One thing that is wrong with one file.

    :param file: the path as the user knows it.
    :param line: where in the file, counted from 1; None where it is no matter of a line.
    :param rule: short name that stays the same between versions, such as ``xml.not-well-formed``.
    :param message: what is wrong.
    :param remedy: what to do about it.
    """

    file: str
    line: int | None
    rule: str
    message: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message} [{self.rule}]"


@dataclass(frozen=True)
class CheckedFile:
    """
    An invoice in which nothing wrong was found.

    :param invoice: where it lies, and its name within the package.
    :param size: bytes.
    :param sha256: hexadecimal, of the whole file.
    :param facts: what was read of it.
    """

    invoice: InvoicePath
    size: int
    sha256: str
    facts: InvoiceFacts

    @property
    def to_pack(self) -> InvoiceFile:
        """What the package is made of."""
        return InvoiceFile(self.invoice.entry_name, reader_of(self.invoice.path), self.size)


@dataclass(frozen=True)
class CheckReport:
    """
    What became of all files.

    :param files: those in which nothing wrong was found, in the order in which they were given.
    :param problems: of the others, in the same order.
    """

    files: tuple[CheckedFile, ...]
    problems: tuple[Problem, ...]

    @cached_property
    def invalid_count(self) -> int:
        """Number of files that have a problem."""
        return len({problem.file for problem in self.problems})

    @property
    def to_pack(self) -> tuple[InvoiceFile, ...]:
        """What the package of the valid files is made of."""
        return tuple(file.to_pack for file in self.files)

    @cached_property
    def digest(self) -> str:
        """Hexadecimal SHA-256 over names and contents of the valid files; the same files give the same."""
        return digest_of(self.files)

    def require_valid(self) -> None:
        """
        Refuse the files where one of them has a problem.

        :raises KsefInputError: names the first few problems and says how many there are.
        """
        if self.problems:
            raise KsefInputError(
                "invoices",
                f"{self.invalid_count} of {self.invalid_count + len(self.files)} files",
                _joined([str(problem) for problem in self.problems]),
                "Nothing was sent. Mend or remove these files and run the task again.",
            )

    def text(self) -> str:
        """Write the whole report for a log: a line for each problem with its remedy, and the sum."""
        lines = [f"{problem} {problem.remedy}" for problem in self.problems]
        return "\n".join([*lines, f"{len(self.files)} files may be sent, {self.invalid_count} may not."])

    def to_json(self) -> dict[str, Any]:
        """Give the problems and the sums as plain JSON; files that may be sent are only counted."""
        return {
            "valid": len(self.files),
            "invalid": self.invalid_count,
            "digest": self.digest,
            "problems": [asdict(problem) for problem in self.problems],
        }


def digest_of(files: Sequence[CheckedFile]) -> str:
    """
    Give the hexadecimal SHA-256 over names and contents of files.

    :param files: in the order in which they are sent.
    """
    lines = (f"{file.invoice.entry_name}\0{file.sha256}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _joined(lines: Sequence[str]) -> str:
    more = len(lines) - SHOWN_PROBLEMS
    return "; ".join(lines[:SHOWN_PROBLEMS]) + (f"; and {more} more problems" if more > 0 else "")
