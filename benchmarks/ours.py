"""This package, from encrypted parts on disk to Parquet files, by the code that the operators run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from airflow_provider_ksef.client.crypto import SessionKey, blocks_of
from airflow_provider_ksef.client.encrypted_package import EncryptedPackage, EncryptedPart
from airflow_provider_ksef.client.exports import ExportPart
from airflow_provider_ksef.client.parts import write_part
from airflow_provider_ksef.tables.month_files import encode, sorted_once
from airflow_provider_ksef.tables.package import read_metadata_package
from benchmarks.packages import IV, KEY, Package, Part

_KEY = SessionKey(KEY, IV)


class _Nowhere:
    """The parts are on disk already."""

    def write(self, content: bytes) -> int:
        return len(content)


def verified(package: Package) -> EncryptedPackage:
    """Do what a download does to its bytes: size and hash, encrypted and plain, four parts at a time."""
    with ThreadPoolExecutor(4) as pool:
        return EncryptedPackage(tuple(pool.map(_verified, enumerate(package.parts, start=1))), _KEY)


def _verified(numbered: tuple[int, Part]) -> EncryptedPart:
    ordinal, part = numbered
    announced = ExportPart(
        ordinal, part.path, "", part.size, part.hash, part.encrypted_size, part.encrypted_hash, ""
    )
    path = Path(part.path)
    with path.open("rb") as source:
        write_part(blocks_of(source), announced, _KEY, _Nowhere())  # type: ignore[arg-type]
    return EncryptedPart(path, part.size, part.encrypted_size, path.stat().st_mtime_ns)


def metadata_to_parquet(package: Package, target: Path) -> None:
    with verified(package).open() as source:
        rows = read_metadata_package(
            source,
            context="nip-5250001210",
            subject_type="Subject2",
            export_reference="20260901-EH-0000000000-0000000000-00",
            synced_at=datetime.now(UTC),
            qr_url="https://qr-test.ksef.mf.gov.pl",
        )
    target.write_bytes(encode(sorted_once(rows)))
