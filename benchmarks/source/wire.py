"""Sends answers over a connection, or breaks the connection as a fault says."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable

from aiohttp import web

from benchmarks.source.answer import Answer, Asked
from benchmarks.source.effects import Hang, Reset, Slow, Truncate
from benchmarks.source.faults import Active

RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 s
PIECES_PER_S = 20


class NoAnswerError(Exception):
    """The connection was broken on purpose; there is nothing to send."""


def asked_of(request: web.Request) -> Asked:
    """Return a request without its connection."""
    return Asked(
        path=request.path,
        query=tuple(request.query.items()),
        headers={name.lower(): value for name, value in request.headers.items()},
        client=request.remote or "",
        base_url=f"{request.scheme}://{request.host}",
    )


async def send(
    request: web.Request,
    answer: Callable[[], Answer],
    fault: Active | None,
    released: asyncio.Event,
) -> web.StreamResponse:
    """Send an answer the way a fault wants it sent.

    Raises:
        NoAnswerError: no whole answer was sent, and the connection is gone.

    """
    match fault.effect if fault is not None else None:
        case Slow() as slow:
            return await _slowly(request, answer, slow)
        case Truncate(share=share):
            await _part(request, answer(), lambda body: int(len(body) * share))
            _close(request)
        case Reset(size_bytes=size):
            if size:
                await _part(request, answer(), lambda body: size)
            reset(request)
        case Hang():
            await released.wait()
            reset(request)
        case _:
            return whole(answer())
    raise NoAnswerError


def whole(answer: Answer) -> web.Response:
    """Return an answer as one response."""
    headers = dict(answer.headers)
    if answer.status != 304:
        headers["Content-Type"] = answer.content_type
    return web.Response(body=answer.body, status=answer.status, headers=headers)


def reset(request: web.Request) -> None:
    """Reset the connection: the client sees RST, not an orderly end."""
    if request.transport is not None:
        raw: socket.socket | None = request.transport.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError):  # the client may have left already
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        request.transport.abort()


def _close(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()


async def _begin(request: web.Request, answer: Answer) -> web.StreamResponse:
    headers = {**answer.headers, "Content-Type": answer.content_type}
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.content_length = len(answer.body)
    await response.prepare(request)
    return response


async def _part(request: web.Request, answer: Answer, size_of: Callable[[bytes], int]) -> None:
    response = await _begin(request, answer)
    # one byte less than all: a whole body would be a right answer
    size = min(size_of(answer.body), len(answer.body) - 1)
    if size > 0:
        await response.write(answer.body[:size])


async def _slowly(
    request: web.Request, answer: Callable[[], Answer], slow: Slow
) -> web.StreamResponse:
    await asyncio.sleep(slow.delay_s)
    if slow.bytes_per_s is None:
        return whole(answer())
    body = (right := answer()).body
    response = await _begin(request, right)
    size = max(1, slow.bytes_per_s // PIECES_PER_S)
    for start in range(0, len(body), size):
        await response.write(body[start : start + size])
        await asyncio.sleep(size / slow.bytes_per_s)
    await response.write_eof()
    return response
