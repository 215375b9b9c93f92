"""The command that starts the emulator."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import uvicorn

from airflow_provider_ksef.emulator.app import make_app
from airflow_provider_ksef.emulator.connections import Connections
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.gate import API
from airflow_provider_ksef.emulator.options import read_settings
from airflow_provider_ksef.emulator.resuming import resume_work
from airflow_provider_ksef.emulator.schemas import SchemaFolderError
from airflow_provider_ksef.emulator.seeding import SeedRefused, seed_at_start
from airflow_provider_ksef.emulator.settings import Settings

_IDLE_SECONDS = 75
_BACKLOG = 512


class _Server(uvicorn.Server):
    """Says when it is ready, which its callers wait for."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listening in sockets or []:
            host, port = listening.getsockname()[:2]
            name = f"[{host}]" if ":" in host else host
            sys.stdout.write(f"KSeF emulator ready at http://{name}:{port}{API}\n")
            sys.stdout.flush()


def main() -> int:
    """Run the emulator until it is told to stop; give the exit code."""
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # the gate tells of errors, once
    settings = read_settings()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        with _folder(settings) as folder, _listen(settings) as listening:
            emulator = Emulator(settings, folder)
            try:
                _run(emulator, listening)
            finally:
                emulator.close()
    except (OSError, SchemaFolderError, SeedRefused) as error:
        sys.stderr.write(f"KSeF emulator: {error}\n")
        return 2
    return 0


def _run(emulator: Emulator, listening: socket.socket) -> None:
    if not emulator.has_invoices():
        seed_at_start(emulator)
    resume_work(emulator)
    connections = Connections()
    config = uvicorn.Config(
        make_app(emulator, connections),
        http=connections.protocol(),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=1,
    )
    asyncio.run(_Server(config).serve(sockets=[listening]))


@contextmanager
def _folder(settings: Settings) -> Iterator[Path]:
    if settings.state is not None:
        yield settings.state.with_name(f"{settings.state.name}.files")
        return
    with tempfile.TemporaryDirectory(prefix="ksef-emulator-") as folder:
        yield Path(folder)


@contextmanager
def _listen(settings: Settings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.create_server((settings.host, settings.port), family=family, backlog=_BACKLOG)
    with listening:
        yield listening


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    try:
        exit_code = main()
    except SystemExit as ended:
        exit_code = int(ended.code or 0)
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(exit_code)  # a request that still works in its thread shall not hold the process
