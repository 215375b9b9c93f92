"""A KSeF of a hundred lines: login and whatever a test wants answered, in memory."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from airflow_provider_ksef.client import (
    ENVIRONMENTS,
    AsyncKsefClient,
    ContextIdentifier,
    KsefClient,
    Settings,
    TokenCredential,
)
from airflow_provider_ksef.client.limiter import RateLimiter
from tests.contract.checking import check_request
from tests.contract.openapi import read_contract
from tests.official import CONTRACT

NIP = "5250001210"
TOKEN = "20260901-EC-1A2B3CC000-0F1E2D3C53-D1|nip-5250001210|" + "fedcba9876543210" * 4
LOGIN = "20260901-AU-1A2B3C5000-0F1E2D3C4C-A2"
SESSION = "20260901-SB-1A2B3C7000-0F1E2D3C4E-78"
MADE_UP = ("/v2/echo", "/v2/thing")
SETTINGS = Settings(ENVIRONMENTS["test"], ContextIdentifier("Nip", NIP), TokenCredential(TOKEN), timeout=5)

Reply = httpx.Response | Callable[[httpx.Request], httpx.Response] | Exception


@cache
def private_key(name: str) -> rsa.RSAPrivateKey:
    """One RSA key for each name, made once per run."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_id(name: str) -> str:
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    der = private_key(name).public_key().public_bytes(serialization.Encoding.DER, info)
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


@cache
def certificate(name: str) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private_key(name).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(private_key(name), hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.DER)


def problem(status: int, code: int | None = None, **members: Any) -> httpx.Response:
    errors = [{"code": code, "description": "Opis.", "details": ["Szczegół."]}] if code else []
    body = {"title": "Problem", "status": status, "detail": "Opis.", "errors": errors, **members}
    headers = {"Content-Type": "application/problem+json"}
    return httpx.Response(status, content=json.dumps(body), headers=headers)


def _json(body: Any) -> httpx.Response:
    return httpx.Response(200, json=body)


@dataclass
class FakeKsef:
    """
    Answers requests of ``httpx.MockTransport``.

    ``replies["GET /x"]`` is used up answer by answer, its last one for good.
    """

    key_name: str = "first"
    statuses: list[dict[str, Any]] = field(default_factory=lambda: [{"code": 200, "description": "OK"}])
    access_seconds: float = 900.0
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    token_seen: str = ""
    document_seen: bytes = b""
    settings: Settings = SETTINGS
    limiter: RateLimiter | None = None
    clock_skew: float = 0.0
    login_delay: float = 0.0
    revoked: set[str] = field(default_factory=set)
    _issued: int = 0

    def sync_client(self) -> KsefClient:
        return KsefClient(self.settings, limiter=self.limiter, transport=httpx.MockTransport(self))

    def async_client(self) -> AsyncKsefClient:
        transport = httpx.MockTransport(self._answer_async)
        return AsyncKsefClient(self.settings, limiter=self.limiter, transport=transport)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        key = f"{request.method} {request.url.path.removeprefix('/v2')}"
        self.requests.append(request)
        if CONTRACT.is_file() and request.url.path not in MADE_UP:
            check_request(read_contract(CONTRACT), request)
        self.counts[key] += 1
        if replies := self.replies.get(key):
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
            return self._give(reply, request)
        return self._log_in(key, request)

    async def _answer_async(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        return self(request)

    def _give(self, reply: Reply, request: httpx.Request) -> httpx.Response:
        if isinstance(reply, Exception):
            raise reply
        if callable(reply):
            return reply(request)
        return httpx.Response(reply.status_code, content=reply.content, headers=reply.headers)

    def _log_in(self, key: str, request: httpx.Request) -> httpx.Response:
        steps: dict[str, Callable[[], httpx.Response]] = {
            "GET /security/public-key-certificates": lambda: _json([self.public_key(self.key_name)]),
            "POST /auth/challenge": self._challenge,
            "POST /auth/ksef-token": lambda: self._take_token(json.loads(request.content)),
            "POST /auth/xades-signature": lambda: self._take_document(request.content),
            f"GET /auth/{LOGIN}": self._decide,
            "POST /auth/token/redeem": lambda: _json(
                {
                    "accessToken": self._access(),
                    "refreshToken": {"token": "refresh-secret", "validUntil": self._until(7 * 86400)},
                }
            ),
            "POST /auth/token/refresh": lambda: _json({"accessToken": self._access()}),
            "DELETE /auth/sessions/current": lambda: httpx.Response(204),
        }
        if step := steps.get(key):
            return step()
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return problem(401) if not bearer or bearer in self.revoked else _json({"bearer": bearer})

    def _challenge(self) -> httpx.Response:
        now = self._now()
        return _json(
            {
                "challenge": "20260901-CR-1A2B3C4000-0F1E2D3C4B-7A",
                "timestamp": now.isoformat(),
                "timestampMs": int(now.timestamp() * 1000),
                "clientIp": "203.0.113.7",
            }
        )

    def _decide(self) -> httpx.Response:
        time.sleep(self.login_delay)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return _json({"status": status})

    def public_key(self, name: str, **members: Any) -> dict[str, Any]:
        return {
            "certificate": base64.b64encode(certificate(name)).decode(),
            "certificateId": "c" * 44,
            "publicKeyId": key_id(name),
            "validFrom": (datetime.now(UTC) - timedelta(days=1)).isoformat(),
            "validTo": (datetime.now(UTC) + timedelta(days=1)).isoformat(),
            "usage": ["KsefTokenEncryption", "SymmetricKeyEncryption"],
            **members,
        }

    def _take_token(self, body: dict[str, Any]) -> httpx.Response:
        if body["publicKeyId"] != key_id(self.key_name):
            return problem(400, 21470)
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        plain = private_key(self.key_name).decrypt(base64.b64decode(body["encryptedToken"]), oaep)
        self.token_seen = plain.decode()
        return self._init()

    def _take_document(self, content: bytes) -> httpx.Response:
        self.document_seen = content
        return self._init()

    def _init(self) -> httpx.Response:
        token = {"token": "operation-secret", "validUntil": self._until(2700)}
        return httpx.Response(202, json={"referenceNumber": LOGIN, "authenticationToken": token})

    def _access(self) -> dict[str, str]:
        self._issued += 1
        return {"token": f"access-secret-{self._issued}", "validUntil": self._until(self.access_seconds)}

    def _now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.clock_skew)

    def _until(self, seconds: float) -> str:
        return (self._now() + timedelta(seconds=seconds)).isoformat().replace("+00:00", "1+00:00")
