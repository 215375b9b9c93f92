"""
From XML files in a folder to encrypted parts with their hashes, by us and by others.

``python -m benchmarks.packing WAY FOLDER`` does it once and prints the size of the package in bytes and the
most memory that it took, in megabytes over the interpreter with what it imports.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from functools import cache, partial
from pathlib import Path

from upath import UPath

from airflow_provider_ksef.client.crypto import SessionKey
from airflow_provider_ksef.client.invoice_files import reader_of
from airflow_provider_ksef.client.packing import InvoiceFile, pack_batch
from benchmarks.memory import most_resident, resident
from benchmarks.packages import IV, KEY


@cache
def _paths(folder: Path) -> list[Path]:
    """List the folder once, for everybody: not a part of packing, and not timed."""
    return sorted(folder.iterdir())


@cache
def _checked(folder: Path) -> list[InvoiceFile]:
    """Give what the checks before packing leave; not timed either."""
    return [InvoiceFile(path.name, reader_of(UPath(path)), path.stat().st_size) for path in _paths(folder)]


def ours(compression: str, folder: Path) -> int:
    """Pack by what the operators run, with the parts on disk, and say how large the package is."""
    with tempfile.TemporaryDirectory() as work_dir:
        return pack_batch(_checked(folder), SessionKey(KEY, IV), Path(work_dir), compression=compression).size


def ksef_client(compression: str, folder: Path) -> int:
    """Pack in memory by the helpers of ksef-client."""
    from ksef_client.services import encrypt_batch_parts
    from ksef_client.utils import build_tar_gz, build_zip

    build = build_zip if compression == "zip" else build_tar_gz
    archive = build({path.name: path.read_bytes() for path in _paths(folder)})
    encrypt_batch_parts(archive, KEY, IV)
    return len(archive)


def ksef2(folder: Path) -> int:
    """Pack in memory by the functions behind ksef2's batch session; it knows ZIP alone."""
    from ksef2._services.batch_preparation import load_batch_invoices, prepare_batch_package

    invoices = load_batch_invoices(_paths(folder))
    package = prepare_batch_package(invoices=invoices, aes_key=KEY, iv=IV, encrypted_key=bytes(256))
    return package.batch_file.file_size


WAYS = {
    "ours, ZIP": partial(ours, "zip"),
    "ours, TAR.GZ": partial(ours, "tar.gz"),
    "ksef-client, ZIP": partial(ksef_client, "zip"),
    "ksef-client, TAR.GZ": partial(ksef_client, "tar.gz"),
    "ksef2, ZIP": ksef2,
}


def measure_packing(way: str, folder: Path) -> tuple[int, float]:
    """Measure size and memory in a fresh process."""
    print(f"size and memory of {way}, {folder.name}", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", __name__, way, str(folder)]
    size, memory = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return size, memory


def main() -> None:
    way, folder = sys.argv[1:]
    with tempfile.TemporaryDirectory() as one:
        (Path(one) / "invoice.xml").write_bytes(b"<Faktura/>")
        WAYS[way](Path(one))
    idle = resident()
    size = WAYS[way](Path(folder))
    print(json.dumps([size, round(most_resident() - idle, 1)]))


if __name__ == "__main__":
    main()
