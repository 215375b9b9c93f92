"""A storage over a real socket that remembers what it got and can be told to fail."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from airflow_provider_ksef.client import Settings
from airflow_provider_ksef.client.settings import Environment
from tests.unit.client.fake_ksef import SETTINGS

SIGNATURE = "sig=very-secret"
EXPIRED = b"<Error><Code>AuthenticationFailed</Code><Message>Signature not valid</Message></Error>"


@dataclass
class Storage:
    """
    Files by name, and what was asked; ``mishaps`` are used up request by request.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    headers: list[dict[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    mishaps: dict[str, list[Callable[[Any], None]]] = field(default_factory=dict)
    origin: str = ""

    def settings(self) -> Settings:
        return replace(SETTINGS, environment=Environment("custom", f"{self.origin}/v2", ""))

    def url(self, name: str) -> str:
        return f"{self.origin}/storage/{name}?se=1&{SIGNATURE}"

    def __enter__(self) -> Self:
        handler = type("StorageHandler", (_Handler,), {"stored": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    stored: Storage

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if not self._mishap():
            self.stored.files[self._name()] = content
            self.reply(201)

    def do_GET(self) -> None:
        if not self._mishap():
            self.reply(200, self.stored.files[self._name()])

    def reply(self, status: int, content: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass

    def _name(self) -> str:
        return self.path.partition("?")[0].rpartition("/")[2]

    def _mishap(self) -> bool:
        self.stored.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.stored.counts[self._name()] += 1
        waiting = self.stored.mishaps.get(self._name(), [])
        if waiting:
            waiting.pop(0)(self)
            return True
        return False


def cut(handler: Any) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    handler.wfile.write(b"x" * 100)
    handler.wfile.flush()
    handler.connection.close()


def gateway(handler: Any) -> None:
    handler.reply(502, b"<html>Bad gateway</html>", Content_Type="text/html")


def expired(handler: Any) -> None:
    handler.reply(403, EXPIRED, Content_Type="application/xml")


def page(handler: Any) -> None:
    handler.reply(200, b"<html>Przerwa</html>", Content_Type="text/html")


def redirect(handler: Any) -> None:
    handler.reply(302, Location="https://example.com/")
