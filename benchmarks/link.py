"""A TCP link between two processes of this machine that can be slowed, cut, or left half-open.

It is only there where a scenario of the network is asked for: each byte of it costs time.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from benchmarks.orchestrators.services import free_port

LOOPBACK = "127.0.0.1"
CHUNK_BYTES = 65536
ANSWER_S = 10.0  # for the link's own thread
AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: closing resets the connection


@dataclass(slots=True)
class Link:
    """Forwards what comes to `port` to `target`, both on loopback.

    `delay_s` holds back each piece in each direction; `inf` is a link that is half-open: whoever
    connects or writes is served by nobody, and told nothing.
    """

    target: int = 0
    port: int = field(default_factory=free_port)
    delay_s: float = 0.0
    is_cut: bool = False
    _loop: asyncio.AbstractEventLoop | None = None
    _thread: threading.Thread | None = None
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def to(self, target: int) -> int:
        """Lead to another port, and return the link's own."""
        self.target = target
        return self.port

    def start(self) -> None:
        """Take connections. Starting what is started does nothing."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
            self._thread.start()
            self._do(self._listen())

    def stop(self) -> None:
        """Close every connection. Stopping what is stopped does nothing."""
        if self._loop is None or self._thread is None:
            return
        self.cut()
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ANSWER_S)
        self._loop.close()
        self._loop, self.is_cut = None, False

    def cut(self) -> None:
        """Reset every connection, and each that comes."""
        self._do(self._set(cut=True, delay_s=0.0))

    def slow(self, delay_s: float) -> None:
        """Hold back each piece of data; `inf`: for ever, without closing anything."""
        self._do(self._set(cut=False, delay_s=delay_s))

    def mend(self) -> None:
        """Forward at once again; what was held back by a half-open link goes on its way."""
        self._do(self._set(cut=False, delay_s=0.0))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None, "start() comes first"
        asyncio.run_coroutine_threadsafe(work, self._loop).result(ANSWER_S)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _set(self, *, cut: bool, delay_s: float) -> None:
        self.is_cut, self.delay_s = cut, delay_s
        self._changed.set()
        self._changed = asyncio.Event()
        if cut:
            for writer in list(self._open):
                _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_cut:
            _reset(writer)
            return
        try:
            there, back = await asyncio.open_connection(LOOPBACK, self.target)
        except OSError:  # nobody listens: say so as the port itself would
            _reset(writer)
            return
        with contextlib.suppress(OSError):
            await asyncio.gather(self._pump(reader, back), self._pump(there, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while data := await reader.read(CHUNK_BYTES):
                await self._held_back()
                writer.write(data)
                await writer.drain()
            await self._held_back()
        finally:
            self._open.discard(writer)
            writer.close()

    async def _held_back(self) -> None:
        while math.isinf(self.delay_s):
            await self._changed.wait()
        if self.delay_s:
            await asyncio.sleep(self.delay_s)


def _reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    writer.transport.abort()
