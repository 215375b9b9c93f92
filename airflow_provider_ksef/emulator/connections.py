"""The TCP connections of the server, so that one may be cut as a broken network would."""

from __future__ import annotations

import asyncio
import socket

from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol


class Connections:
    """The open connections by their client's address and port."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], asyncio.Transport] = {}

    def protocol(self) -> type[asyncio.Protocol]:
        """A protocol for uvicorn that tells of its connections."""
        opened = self._open

        # the faster httptools loses the body of who offers HTTP/2, as Java's own client does
        class KnownProtocol(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                connected = transport.get_extra_info("socket")
                # head and body are two writes: the second would wait 40 ms for the client's acknowledgement
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.peer = transport.get_extra_info("peername")[:2]
                opened[self.peer] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                opened.pop(self.peer, None)
                super().connection_lost(exc)

        return KnownProtocol

    async def cut(self, scope: Scope) -> None:
        """Cut the connection of a request at once, without an answer, unless the client has left already."""
        transport = self._open.get(tuple(scope["client"]))
        if transport is not None:
            transport.abort()
        await asyncio.sleep(0)  # uvicorn hears of it before the application returns without an answer
