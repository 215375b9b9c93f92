"""
An S3 of moto's in a process of its own, which can be told to fail.

It is no thread of the tests: deltalake holds Python's lock during some calls, and would wait for itself.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import httpx
from upath import UPath

CONTROL = "/_faults"
ANSWERS = {
    "500": ("500 Internal Server Error", "InternalError"),
    "503": ("503 Slow Down", "SlowDown"),
    "403": ("403 Forbidden", "AccessDenied"),
    "409": ("409 Conflict", "ConditionalRequestConflict"),
    "412": ("412 Precondition Failed", "PreconditionFailed"),
}
Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


@dataclass
class Fault:
    """
    What is to go wrong.

    :param kind: one of ``ANSWERS``, given without doing the work; ``cut`` breaks the connection within the
        body, ``lost`` after the work and before the answer.
    :param path: regular expression that the object's path holds.
    :param times: how often.
    :param method: of the request.
    """

    kind: str
    path: str
    times: int = 1
    method: str = "PUT"


class FaultyApplication:
    """An application whose answers fail as ordered."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.lock = threading.Lock()
        self.writing = threading.Lock()
        self.faults: list[Fault] = []
        self.hits = 0

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == CONTROL:
            return self._control(environ, start_response)
        kind = self._kind(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        if kind in ANSWERS:
            status, code = ANSWERS[kind]
            _read(environ)
            start_response(status, [("Content-Type", "application/xml")])
            return [f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()]
        if kind == "cut":
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0) // 2)
            return _hang_up(environ)
        if kind == "lost":
            list(self.application(environ, lambda *_: lambda _: None))
            return _hang_up(environ)
        if environ["REQUEST_METHOD"] == "PUT":
            with self.writing:  # S3 compares and puts in one step, moto in two
                return list(self.application(environ, start_response))
        return self.application(environ, start_response)

    def _kind(self, method: str, path: str) -> str:
        with self.lock:
            for fault in self.faults:
                if fault.times and fault.method == method and re.search(fault.path, path):
                    fault.times -= 1
                    self.hits += 1
                    return fault.kind
        return ""

    def _control(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        with self.lock:
            if environ["REQUEST_METHOD"] == "POST":
                self.faults = [Fault(**fault) for fault in json.loads(_read(environ))]
                self.hits = 0
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(self.hits).encode()]


def _read(environ: Environ) -> bytes:
    content: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return content


def _hang_up(environ: Environ) -> Iterable[bytes]:
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError


@dataclass
class S3Server:
    """A running server."""

    process: subprocess.Popen[str]
    url: str

    def bucket(self) -> UPath:
        """Make a bucket and give a folder in it."""
        import boto3

        name = f"tables-{uuid.uuid4().hex[:8]}"
        client = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        client.create_bucket(Bucket=name)
        return UPath(f"s3://{name}/ksef", endpoint_url=self.url, key="testing", secret="testing")

    def order(self, *faults: Fault) -> None:
        """Let these things go wrong from now on, and no others."""
        httpx.post(f"{self.url}{CONTROL}", json=[asdict(fault) for fault in faults]).raise_for_status()

    def hits(self) -> int:
        """Count what has gone wrong since the last order."""
        return int(httpx.get(f"{self.url}{CONTROL}").json())

    def stop(self) -> None:
        """End the server."""
        self.process.terminate()
        self.process.wait(10)


def other_client(root: UPath) -> UPath:
    """Open the same place with caches of its own, as another worker does."""
    options = {**root.storage_options, "skip_instance_cache": True}
    return UPath(f"s3://{root.path}", **options)


def start_s3() -> S3Server:
    """Start a server and wait until it is ready."""
    process = subprocess.Popen([sys.executable, "-m", __name__], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("http"), "the S3 server did not start"
    return S3Server(process, line.strip())


def main() -> None:
    """Serve until ended."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    application = FaultyApplication(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True)
    server.log = lambda *_: None  # type: ignore[method-assign]
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    import logging

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    main()
