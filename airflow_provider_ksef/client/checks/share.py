"""Some of the files to check: what one process does."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from io import FileIO
from typing import BinaryIO

from airflow_provider_ksef.client.checks.document import Outcome, check_content
from airflow_provider_ksef.client.checks.finding import Finding
from airflow_provider_ksef.client.checks.rules import CheckRules
from airflow_provider_ksef.client.checks.schemas import compile_schema

_OF_THE_FILE = (FileNotFoundError, IsADirectoryError, PermissionError)
_BLOCK = 1 << 18
"""Bytes that are read at once: a file without a buffer takes as much memory as it is asked for."""


@dataclass(frozen=True)
class Share:
    """
    Files of this machine to check, all that another process needs.

    :param paths: of the files.
    :param rules: what they are held against.
    :param schema: the files of the form's schema, or none.
    """

    paths: Sequence[str]
    rules: CheckRules
    schema: Mapping[str, bytes]


def check_share(share: Share) -> list[Outcome]:
    """
    Check the files of a share.

    :raises OSError: where reading fails for another reason than the files', which may pass.
    """
    openers = (partial(FileIO, path) for path in share.paths)
    read = partial(read_content, most=share.rules.limits.largest)
    return list(check_each(map(read, openers), share.rules, share.schema))


def check_each(
    contents: Iterable[bytes | Finding], rules: CheckRules, schema: Mapping[str, bytes]
) -> Iterator[Outcome]:
    """
    Check contents one after another.

    :param contents: what :func:`read_content` gave.
    :param schema: the files of the form's schema, or none.
    """
    compiled = compile_schema(schema) if schema else None
    for content in contents:
        if isinstance(content, Finding):
            yield Outcome((content,))
        else:
            yield check_content(content, rules, compiled)


def read_content(open_file: Callable[[], BinaryIO], most: int) -> bytes | Finding:
    """
    Read a file, no further than shows that it is too large.

    :param most: bytes that an invoice may have.
    :raises OSError: where reading fails for another reason than the file's.
    """
    try:
        with open_file() as file:
            content = bytearray()
            while len(content) <= most:
                block = file.read(min(_BLOCK, most + 1 - len(content)))
                if not block:
                    break
                content += block
            return bytes(content)
    except OSError as error:
        if not isinstance(error, _OF_THE_FILE) and error.errno != errno.ELOOP:
            raise
        return Finding(
            "file.unreadable",
            None,
            f"cannot be read ({error.strerror or error})",
            "Give the worker's user the right to read it, and let a link lead to a file.",
        )


def without_folder(rules: CheckRules) -> CheckRules:
    """Leave out the folder of the schemas, whose files travel by themselves."""
    return replace(rules, schema_dir=None)
