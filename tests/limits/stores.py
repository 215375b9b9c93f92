"""A Redis of the tests' own, where there is one to start."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest


def start_redis(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start a Redis that keeps nothing, and give its URL; the test is skipped where there is none."""
    command = shutil.which("redis-server")
    if command is None:
        pytest.skip("there is no redis-server (Debian's package of that name)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder))
    process = subprocess.Popen([command, *options], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as asking:
            if asking.connect_ex(("127.0.0.1", port)) == 0:
                return process, f"redis://127.0.0.1:{port}/0"
        time.sleep(0.02)
    process.kill()
    raise AssertionError("redis-server did not begin to listen")
