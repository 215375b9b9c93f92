"""UPO, KSeF's confirmations of receipt, as files: byte by byte, for KSeF's seal covers them."""

from __future__ import annotations

from upath import UPath

from airflow_provider_ksef.tables.whole_files import keep_file


def save_upo(upo_path: UPath, name: str, content: bytes) -> str:
    """
    Save a UPO; nothing happens where it was saved before.

    :param upo_path: the folder, made where it is not there.
    :param name: of the file, such as ``<KSeF number>.xml``.
    :param content: the XML.
    :returns: where it lies.
    :raises KsefInputError: where the name leads elsewhere.
    :raises KsefIntegrityError: where a file of this name holds other bytes; it is left as it is.
    """
    path = keep_file(upo_path, name, content)
    return str(path)
