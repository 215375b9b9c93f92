"""Where a new secret goes, and nowhere else: a file of one's own, or what a callable does with it."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.operators.pending_secrets import PendingSecret, pending_fields, pending_in

_OWNER_ONLY = 0o600
_CERTIFICATE_BEGIN = "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True)
class NewSecret:
    """
    A secret, as the fields of a connection have it: a KSeF token, or a certificate with its private key.

    :param token: for the connection's password; empty where it is a certificate.
    :param certificate: PEM, for the connection's ``certificate``; empty where it is a token.
    :param private_key: PEM (PKCS#8, not encrypted), for the connection's ``private_key``.
    """

    token: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)


class SecretSink(Protocol):
    """Where new secrets go."""

    @property
    def can_tell(self) -> bool:
        """Whether it can be asked what it holds."""

    def check(self) -> None:
        """
        Make sure that it takes secrets, before KSeF is asked for one.

        :raises KsefInputError: where it would not.
        """

    def read(self) -> NewSecret | None:
        """Give what it holds; None where that is no secret for KSeF, or it cannot tell."""

    def save(self, secret: NewSecret) -> None:
        """Put a secret in place of what it holds, whole or not at all."""


class FileSink:
    """
    Keep a secret in a file that only its owner can read (mode 0600).

    A token stands alone in it. A certificate stands behind its private key, so that a connection's
    ``certificate`` and ``private_key`` both name this file. It is replaced whole or not at all. A pending
    secret is kept beside it, in ``<name>.pending``, until the new one is in force.

    :param path: on the worker's disk; its folder must be there.
    """

    can_tell = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path).expanduser()
        self._pending_path = self._path.with_name(f"{self._path.name}.pending")

    def __repr__(self) -> str:
        return f"FileSink({str(self._path)!r})"

    def check(self) -> None:
        """Make sure that the folder can be written to."""
        folder = self._path.parent
        if self._path.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            raise KsefInputError(
                "sink",
                str(self._path),
                "is no file in a folder that can be written to",
                "Give a path in a folder that is there and belongs to the worker's user.",
            )

    def read(self) -> NewSecret | None:
        """Give what the file holds."""
        try:
            text = self._path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None
        if _CERTIFICATE_BEGIN not in text:
            return NewSecret(token=text.strip()) if text.count("|") == 2 else None
        key, _, certificate = text.partition(_CERTIFICATE_BEGIN)
        return NewSecret(certificate=_CERTIFICATE_BEGIN + certificate, private_key=key)

    def save(self, secret: NewSecret) -> None:
        """Write beside the file, then put that in its place."""
        content = f"{secret.token}\n" if secret.token else secret.private_key + secret.certificate
        _replace(self._path, content)

    def read_pending(self) -> PendingSecret | None:
        """Give what the file beside holds."""
        try:
            text = self._pending_path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None
        return pending_in(_json(text), f"The file {self._pending_path}")

    def keep_pending(self, pending: PendingSecret) -> None:
        """Write the file beside, whole or not at all."""
        _replace(self._pending_path, json.dumps(pending_fields(pending)))

    def drop_pending(self) -> None:
        """Remove the file beside, and what a killed try was about to write."""
        half_written = re.compile(rf"\.{re.escape(self._path.name)}(\.pending)?\.[0-9a-f]{{16}}")
        folder = self._path.parent
        for file in (
            self._pending_path,
            *filter(lambda each: half_written.fullmatch(each.name), folder.iterdir()),
        ):
            file.unlink(missing_ok=True)
        _sync_folder(folder)


class CallableSink:
    """
    Give a secret to a function, such as one that writes to a secrets backend.

    :param save: takes the secret; it must have kept it when it returns.
    """

    can_tell = False

    def __init__(self, save: Callable[[NewSecret], object]) -> None:
        self._save = save

    def check(self) -> None:
        """Nothing is known of the function."""

    def read(self) -> NewSecret | None:
        """Nothing is known of what it has kept."""
        return None

    def save(self, secret: NewSecret) -> None:
        """Call the function."""
        self._save(secret)


Sink: TypeAlias = SecretSink | Callable[[NewSecret], object]


def sink_of(given: Sink) -> SecretSink:
    """
    Give a sink for what a DAG's author has given.

    :param given: a sink or a function.
    :raises KsefInputError: where it is neither.
    """
    if isinstance(given, type):
        raise KsefInputError(
            "sink", given.__name__, "is a class", f"Give a sink that is made of it: {given.__name__}(...)."
        )
    if all(hasattr(given, name) for name in ("can_tell", "check", "read", "save")):
        return given  # type: ignore[return-value]
    if callable(given):
        return CallableSink(given)
    raise KsefInputError(
        "sink",
        type(given).__name__,
        "takes no secrets",
        "Give a FileSink, another sink of this package, or a function that keeps the secret.",
    )


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _replace(path: Path, content: str) -> None:
    """Put a file that only its owner can read in place of another one, whole or not at all."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            beside.unlink()
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
