"""Export packages on disk that are measured with; :mod:`benchmarks.making` makes them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KEY, IV = bytes(range(32)), bytes(range(16))


@dataclass(frozen=True)
class Part:
    """One encrypted part and what KSeF would announce of it."""

    path: str
    size: int
    hash: str
    encrypted_size: int
    encrypted_hash: str


@dataclass(frozen=True)
class Package:
    """
    An export package on disk.

    :param compression: ``Zip`` or ``TarGz``.
    """

    compression: str
    invoice_count: int
    parts: tuple[Part, ...]

    @classmethod
    def read(cls, folder: Path) -> Package:
        found = json.loads((folder / "package.json").read_bytes())
        return cls(
            found["compression"], found["invoice_count"], tuple(Part(**part) for part in found["parts"])
        )


def documents_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Give name and XML of each invoice."""
    with zipfile.ZipFile(folder / "zip" / "plain.zip") as archive:
        for name in archive.namelist():
            if name.endswith(".xml"):
                yield name, archive.read(name)
