"""What an interactive session is opened with and what is sent in it; what KSeF checks of that at once."""

from __future__ import annotations

from airflow_provider_ksef.emulator.crypto import decode_base64, digest, is_digest
from airflow_provider_ksef.emulator.errors import ApiError, Invalid
from airflow_provider_ksef.emulator.form_codes import FormCodeBody
from airflow_provider_ksef.emulator.limits import SessionLimits
from airflow_provider_ksef.emulator.wire import Encryption, WireModel


class OpenOnline(WireModel):
    """An interactive session to open."""

    form_code: FormCodeBody
    encryption: Encryption


class SendInvoice(WireModel):
    """An encrypted invoice; sizes and hashes are those of its bytes, not of their Base64."""

    invoice_hash: str
    invoice_size: int
    encrypted_invoice_hash: str
    encrypted_invoice_size: int
    encrypted_invoice_content: str
    offline_mode: bool = False
    hash_of_corrected_invoice: str | None = None


def check_invoice_request(request: SendInvoice, limits: SessionLimits) -> bytes:
    """
    Check what was declared against what came; give the encrypted invoice.

    :raises ApiError: 21402 for another size than declared, 21403 for another hash, else 21405.
    """
    wrong = _wrong_values(request, limits)
    content = b""
    try:
        content = decode_base64(request.encrypted_invoice_content)
    except ValueError:
        wrong.append("'encryptedInvoiceContent' is not valid Base64.")
    if wrong:
        raise Invalid(*wrong)
    if len(content) != request.encrypted_invoice_size:
        raise ApiError(21402, "Długość treści nie zgadza się z rozmiarem pliku.")
    if digest(content) != request.encrypted_invoice_hash:
        raise ApiError(21403, "Skrót treści nie zgadza się ze skrótem pliku.")
    return content


def _wrong_values(request: SendInvoice, limits: SessionLimits) -> list[str]:
    wrong = []
    corrected = request.hash_of_corrected_invoice
    hashes = {
        "invoiceHash": request.invoice_hash,
        "encryptedInvoiceHash": request.encrypted_invoice_hash,
        "hashOfCorrectedInvoice": corrected,
    }
    wrong += [
        f"'{name}' is not a SHA-256 hash in Base64."
        for name, value in hashes.items()
        if value is not None and not is_digest(value)
    ]
    size, most = request.invoice_size, limits.size_with_attachment
    if not 1 <= size <= most:
        wrong.append(f"'invoiceSize' must be between 1 and {most}. You entered {size}.")
    if request.encrypted_invoice_size < 1:
        wrong.append(
            "'encryptedInvoiceSize' must be greater than or equal to '1'. "
            f"You entered {request.encrypted_invoice_size}."
        )
    if corrected is not None and not request.offline_mode:
        wrong.append("HashOfCorrectedInvoice can only be provided for offline invoices.")
    return wrong
