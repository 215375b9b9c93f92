"""A KSeF client of the tests' own, on httpx and cryptography alone: no mistake is made on both sides."""

from __future__ import annotations

import os
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tests.emulator.packing import Upload, aes_decrypt, aes_encrypt, digest, make_zip
from tests.emulator_process import NIP, TOKEN, EmulatorProcess

BLOCK_BLOB = {"x-ms-blob-type": "BlockBlob"}
FA3 = {"systemCode": "FA (3)", "schemaVersion": "1-0E", "value": "FA"}


class Peer:
    """
    A client of one emulator.

    :param headers: sent with every request.
    """

    def __init__(self, emulator: EmulatorProcess, **headers: str) -> None:
        self.emulator = emulator
        self.http = httpx.Client(base_url=emulator.url, timeout=60, headers=headers, verify=False)
        self.links = httpx.Client(timeout=60, verify=False)  # without the token

    def wrap(self, content: bytes, usage: str) -> str:
        keys = self.http.get("/security/public-key-certificates").json()
        key = next(each for each in keys if usage in each["usage"])
        public = x509.load_der_x509_certificate(b64decode(key["certificate"])).public_key()
        assert isinstance(public, RSAPublicKey)
        oaep = OAEP(mgf=MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
        return b64encode(public.encrypt(content, oaep)).decode()

    def challenge(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.http.post("/auth/challenge").json()
        return answer

    def submit_token(
        self,
        write: Callable[[int], bytes] | None = None,
        nip: str = NIP,
        challenge: dict[str, Any] | None = None,
        **changed: Any,
    ) -> httpx.Response:
        """Send a token login; ``write`` gives what is encrypted, from the challenge's time."""
        challenge = challenge or self.challenge()
        plain = (write or stamped(TOKEN))(challenge["timestampMs"])
        body = {
            "challenge": challenge["challenge"],
            "contextIdentifier": {"type": "Nip", "value": nip},
            "encryptedToken": self.wrap(plain, "KsefTokenEncryption"),
        }
        return self.http.post("/auth/ksef-token", json={**body, **changed})

    def login_status(self, submitted: httpx.Response) -> dict[str, Any]:
        login = submitted.json()
        answer = self.http.get(
            f"/auth/{login['referenceNumber']}", headers=bearer(login["authenticationToken"]["token"])
        )
        body: dict[str, Any] = answer.json()
        return body

    def submit_signed(self, document: str | bytes, **parameters: Any) -> httpx.Response:
        """Send a signed request for login."""
        headers = {"Content-Type": "application/xml"}
        content = document.encode() if isinstance(document, str) else document
        return self.http.post("/auth/xades-signature", content=content, headers=headers, params=parameters)

    def log_in(self, token: str = TOKEN, nip: str = NIP) -> dict[str, Any]:
        """Log in; give the answer with both tokens and use the access token from now on."""
        return self.enter(self.submit_token(stamped(token), nip))

    def enter(self, submitted: httpx.Response) -> dict[str, Any]:
        """Wait until a login has succeeded; give both tokens and use the access token from now on."""
        assert submitted.status_code == 202, submitted.text
        deadline = time.monotonic() + 20
        while (status := self.login_status(submitted)["status"])["code"] == 100:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert status["code"] == 200, status
        redeemed: dict[str, Any] = self.redeem(submitted).json()
        self.http.headers.update(bearer(redeemed["accessToken"]["token"]))
        return redeemed

    def redeem(self, submitted: httpx.Response) -> httpx.Response:
        operation = bearer(submitted.json()["authenticationToken"]["token"])
        return self.http.post("/auth/token/redeem", headers=operation)

    def encryption(self, key: bytes, iv: bytes) -> dict[str, str]:
        wrapped = self.wrap(key, "SymmetricKeyEncryption")
        return {"encryptedSymmetricKey": wrapped, "initializationVector": b64encode(iv).decode()}

    def open_batch(self, upload: Upload, **changed: Any) -> httpx.Response:
        body = {
            "formCode": FA3,
            "batchFile": upload.file,
            "encryption": self.encryption(upload.key, upload.iv),
        }
        return self.http.post("/sessions/batch", json={**body, **changed})

    def put_part(self, link: str, part: bytes | Iterator[bytes]) -> httpx.Response:
        return self.links.put(link, content=part, headers=BLOCK_BLOB)

    def put_parts(self, opened: httpx.Response, parts: Sequence[bytes]) -> None:
        for request, part in zip(opened.json()["partUploadRequests"], parts, strict=True):
            assert request["headers"] == BLOCK_BLOB
            answer = self.put_part(request["url"], part)
            assert answer.status_code == 201, answer.text
            assert answer.content == b""

    def close_batch(self, reference: str) -> httpx.Response:
        return self.http.post(f"/sessions/batch/{reference}/close")

    def send(self, upload: Upload, **changed: Any) -> str:
        """Open, upload and close; give the reference number."""
        opened = self.open_batch(upload, **changed)
        assert opened.status_code == 201, opened.text
        self.put_parts(opened, upload.parts)
        reference: str = opened.json()["referenceNumber"]
        closed = self.close_batch(reference)
        assert closed.status_code == 204, closed.text
        return reference

    def open_online(
        self, form: Mapping[str, str] = FA3, key: bytes = b"k" * 32, iv: bytes = b"i" * 16, **changed: Any
    ) -> httpx.Response:
        body = {"formCode": form, "encryption": self.encryption(key, iv)}
        return self.http.post("/sessions/online", json={**body, **changed})

    def send_invoice(
        self, session: str, xml: bytes, key: bytes = b"k" * 32, iv: bytes = b"i" * 16, **changed: Any
    ) -> httpx.Response:
        encrypted = aes_encrypt(xml, key, iv)
        body = {
            "invoiceHash": digest(xml),
            "invoiceSize": len(xml),
            "encryptedInvoiceHash": digest(encrypted),
            "encryptedInvoiceSize": len(encrypted),
            "encryptedInvoiceContent": b64encode(encrypted).decode(),
        }
        return self.http.post(f"/sessions/online/{session}/invoices", json={**body, **changed})

    def close_online(self, session: str) -> httpx.Response:
        return self.http.post(f"/sessions/online/{session}/close")

    def invoice(self, session: str, sent: httpx.Response) -> dict[str, Any]:
        """Wait for the fate of an invoice that was sent alone."""
        assert sent.status_code == 202, sent.text
        deadline = time.monotonic() + 30
        while True:
            path = f"/sessions/{session}/invoices/{sent.json()['referenceNumber']}"
            status: dict[str, Any] = self.http.get(path).json()
            if status["status"]["code"] not in (100, 150):
                return status
            assert time.monotonic() < deadline, status
            time.sleep(0.02)

    def send_alone(self, xml: bytes, form: Mapping[str, str] = FA3, **changed: Any) -> dict[str, Any]:
        """Send one invoice in an interactive session of its own; give what became of it."""
        session = self.open_online(form).json()["referenceNumber"]
        return self.invoice(session, self.send_invoice(session, xml, **changed))

    def session(self, reference: str) -> dict[str, Any]:
        """Wait for the end of a session."""
        deadline = time.monotonic() + 30
        while True:
            status: dict[str, Any] = self.http.get(f"/sessions/{reference}").json()
            if status["status"]["code"] not in (100, 150, 170):
                return status
            assert time.monotonic() < deadline, status
            time.sleep(0.05)

    def invoices(self, reference: str, failed: str = "", size: int = 1000) -> list[dict[str, Any]]:
        """All invoices of a session, page by page."""
        found: list[dict[str, Any]] = []
        headers: dict[str, str] = {}
        while True:
            path = f"/sessions/{reference}/invoices{failed}"
            page = self.http.get(path, params={"pageSize": size}, headers=headers).json()
            found += page["invoices"]
            if "continuationToken" not in page:
                return found
            headers = {"x-continuation-token": page["continuationToken"]}

    def send_files(self, files: Mapping[str, bytes], **changed: Any) -> list[dict[str, Any]]:
        """Send files as one batch; give what became of each."""
        reference = self.send(Upload(make_zip(files)), **changed)
        self.session(reference)
        return self.invoices(reference)

    def query(self, filters: Mapping[str, Any], **parameters: Any) -> httpx.Response:
        return self.http.post("/invoices/query/metadata", json=filters, params=parameters)

    def start_export(
        self, filters: Mapping[str, Any], key: bytes = b"k" * 32, iv: bytes = b"i" * 16, **members: Any
    ) -> httpx.Response:
        body = {"encryption": self.encryption(key, iv), "filters": filters, **members}
        return self.http.post("/invoices/exports", json=body)

    def export_status(self, started: httpx.Response) -> dict[str, Any]:
        """Wait for the end of an export."""
        deadline = time.monotonic() + 30
        while True:
            answer = self.http.get(f"/invoices/exports/{started.json()['referenceNumber']}")
            status: dict[str, Any] = answer.json()
            if status["status"]["code"] != 100:
                return status
            assert time.monotonic() < deadline, status
            time.sleep(0.05)

    def export(self, filters: Mapping[str, Any], **members: Any) -> tuple[dict[str, Any], bytes]:
        """Run an export; give its package and the decrypted archive, every size and hash compared."""
        key, iv = os.urandom(32), os.urandom(16)
        status = self.export_status(self.start_export(filters, key, iv, **members))
        assert status["status"]["code"] == 200, status
        package: dict[str, Any] = status["package"]
        archive = b""
        for part in package["parts"]:
            answer = self.links.get(part["url"])
            assert answer.status_code == 200
            assert len(answer.content) == part["encryptedPartSize"]
            assert digest(answer.content) == part["encryptedPartHash"] == answer.headers["x-ms-meta-hash"]
            plain = aes_decrypt(answer.content, key, iv)
            assert (len(plain), digest(plain)) == (part["partSize"], part["partHash"])
            archive += plain
        assert len(archive) == package["size"]
        return package, archive


def stamped(token: str) -> Callable[[int], bytes]:
    """What KSeF wants encrypted: the token and the challenge's time."""
    return lambda moment: f"{token}|{moment}".encode()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def by_storage(
    subject: str = "Subject2", start: str = "2026-03-01T00:00:00Z", end: str | None = None
) -> dict[str, Any]:
    """Filters by permanent storage date, bounded by the high-water mark."""
    dates = {"dateType": "PermanentStorage", "from": start, "restrictToPermanentStorageHwmDate": True}
    return {"subjectType": subject, "dateRange": dates if end is None else {**dates, "to": end}}


def without_links(invoice: Mapping[str, Any]) -> dict[str, Any]:
    """An invoice of a session but for the links, which are new at each call."""
    return {name: value for name, value in invoice.items() if not name.startswith("upoDownloadUrl")}


APRIL = "2026-04-01T00:00:00Z"


def error_code(answer: httpx.Response) -> int:
    """The code of a 400 in its older form."""
    assert answer.status_code == 400, answer.text
    entries = answer.json()["exception"]["exceptionDetailList"]
    assert len(entries) == 1
    code: int = entries[0]["exceptionCode"]
    return code


@contextmanager
def logged_in(emulator: EmulatorProcess, **headers: str) -> Iterator[Peer]:
    peer = Peer(emulator, **headers)
    with peer.http, peer.links:
        peer.log_in()
        yield peer
