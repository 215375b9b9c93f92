"""What KSeF checks at once when a batch session is opened."""

from __future__ import annotations

from airflow_provider_ksef.emulator.choices import Compression
from airflow_provider_ksef.emulator.crypto import is_digest
from airflow_provider_ksef.emulator.errors import ApiError, Invalid
from airflow_provider_ksef.emulator.facts import FormCode
from airflow_provider_ksef.emulator.form_codes import FormCodeBody, find_form, unsupported_form
from airflow_provider_ksef.emulator.wire import Encryption, WireModel

MOST_PARTS = 50
MOST_PART_BYTES = 100_000_000
MOST_PACKAGE_BYTES = 5_000_000_000
PADDING = 16


class BatchPart(WireModel):
    """An encrypted part."""

    ordinal_number: int
    file_size: int
    file_hash: str


class BatchFile(WireModel):
    """The plain archive and its encrypted parts."""

    file_size: int
    file_hash: str
    compression_type: Compression | None = None
    file_parts: list[BatchPart]


class OpenBatch(WireModel):
    """A batch session to open."""

    form_code: FormCodeBody
    batch_file: BatchFile
    encryption: Encryption
    offline_mode: bool = False


def check_opening(request: OpenBatch) -> FormCode:
    """
    Check form and declared sizes; give the form.

    :raises ApiError: 21161 for too many parts, 21157 for one that is too large, else 21405.
    """
    form = find_form(request.form_code)
    if form.value == "PEF":
        raise unsupported_form()
    file = request.batch_file
    if len(file.file_parts) > MOST_PARTS:
        raise ApiError(21161, f"Liczba części pliku musi być mniejsza lub równa niż {MOST_PARTS}.")
    for part in file.file_parts:
        if part.file_size > MOST_PART_BYTES + PADDING:
            raise ApiError(
                21157, f"Rozmiar części {part.ordinal_number} przekroczył dozwolony rozmiar 100MB."
            )
    wrong = _wrong_values(file)
    if wrong:
        raise Invalid(*wrong)
    return form


def _wrong_values(file: BatchFile) -> list[str]:
    wrong = []
    if file.file_size < 1:
        wrong.append("'fileSize' must be greater than or equal to '1'.")
    if file.file_size > MOST_PACKAGE_BYTES:
        wrong.append(f"'fileSize' must be less than or equal to '{MOST_PACKAGE_BYTES}'.")
    if not file.file_parts:
        wrong.append("'batchFile.fileParts' must not be empty.")
    ordinals = [part.ordinal_number for part in file.file_parts]
    if sorted(ordinals) != list(range(1, len(ordinals) + 1)):
        wrong.append("'batchFile.fileParts' must be numbered from 1 without gaps.")
    wrong += [
        f"'batchFile.fileParts.fileSize' must be greater than or equal to '1'. You entered {part.file_size}."
        for part in file.file_parts
        if part.file_size < 1
    ]
    if not all(map(is_digest, [file.file_hash, *(part.file_hash for part in file.file_parts)])):
        wrong.append("Niepoprawny skrót pliku.")
    return wrong
