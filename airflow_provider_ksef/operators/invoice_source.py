"""The invoices that a sending operator is given: files, patterns, folders, or a list of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from typing import TypeAlias

from upath import UPath

from airflow_provider_ksef._compat import ObjectStoragePath
from airflow_provider_ksef.operators.parameters import path_of

InvoiceSource: TypeAlias = str | PathLike[str] | ObjectStoragePath


def named_paths(given: InvoiceSource | Sequence[InvoiceSource]) -> list[UPath]:
    """
    Open what the parameter ``invoices`` names.

    :raises KsefInputError: where one of the names is empty, or no path.
    """
    if isinstance(given, Iterable) and not isinstance(given, (str, PathLike, UPath)):
        return [path_of("invoices", source) for source in given]
    return [] if given is None else [path_of("invoices", given)]
