"""The web server of the stand-in source: the three APIs, and `/_control` for the bench."""

from __future__ import annotations

import asyncio
import hmac
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web
from pydantic import ValidationError

from benchmarks.source import wire
from benchmarks.source.answer import Answer, Asked, as_json
from benchmarks.source.effects import Pipeline
from benchmarks.source.faults import Active, InvalidFaultError, pipeline_of
from benchmarks.source.limits import Limits
from benchmarks.source.source import Source

SOURCE = web.AppKey("source", Source)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(source: Source) -> web.Application:
    """Return the web application of a source."""
    app = web.Application(middlewares=[_guarded], client_max_size=1_000_000)
    app[SOURCE] = source
    app.on_response_prepare.append(_dated)
    app.add_routes(
        [
            web.get("/_control/ready", _ready),
            web.get("/_control/served", _served),
            web.post("/_control/reset", _reset),
            web.get("/_control/faults", _faults),
            web.post("/_control/faults", _set_fault),
            web.delete("/_control/faults", _clear),
            web.delete(r"/_control/faults/{number:\d+}", _clear),
            web.get("/_control/limits", _limits),
            web.post("/_control/limits", _set_limits),
            web.get("/{path:.*}", _source),
        ]
    )
    return app


async def _dated(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Date"] = request.app[SOURCE].options.clock.header()


@web.middleware
async def _guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    token = os.environ.get("SOURCE_CONTROL_TOKEN", "")
    given = request.headers.get("X-Control-Token", "")
    inside = request.path.startswith("/_control")
    if inside and token and not hmac.compare_digest(given.encode(), token.encode()):
        return _say({"error": "control: the header X-Control-Token is missing or wrong"}, 403)
    return await handler(request)


def _say(content: Any, status: int = 200) -> web.Response:
    return wire.whole(as_json(content, status))


async def _ready(request: web.Request) -> web.Response:
    options = request.app[SOURCE].options
    return _say({
        "ready": True, "pid": os.getpid(), "seed": options.seed, "per_day": options.per_day,
        "today": options.clock.today().isoformat(), "replay": options.replay is not None,
    })  # fmt: skip


async def _served(request: web.Request) -> web.Response:
    return _say(request.app[SOURCE].served.described())


async def _reset(request: web.Request) -> web.Response:
    request.app[SOURCE].reset()
    return _say({"reset": True})


async def _faults(request: web.Request) -> web.Response:
    return _say({"faults": [fault.described() for fault in request.app[SOURCE].faults.active]})


async def _set_fault(request: web.Request) -> web.Response:
    try:
        made = request.app[SOURCE].faults.set(orjson.loads(await request.read()))
    except orjson.JSONDecodeError as error:
        return _say({"error": f"fault: not JSON: {error}"}, 422)
    except InvalidFaultError as error:
        return _say({"error": str(error)}, 422)
    return _say(made.described(), 201)


async def _clear(request: web.Request) -> web.Response:
    number = request.match_info.get("number")
    request.app[SOURCE].clear(int(number) if number else None)
    return _say({"cleared": int(number) if number else "all"})


async def _limits(request: web.Request) -> web.Response:
    return _say(request.app[SOURCE].limits.model_dump())


async def _set_limits(request: web.Request) -> web.Response:
    """Change the limits that are named; the others stay. What was used is forgotten."""
    source = request.app[SOURCE]
    try:
        wanted = source.limits.model_dump() | orjson.loads(await request.read())
        source.limit(Limits.model_validate(wanted))
    except (orjson.JSONDecodeError, TypeError, ValidationError) as error:
        return _say({"error": f"limits: {error}"}, 422)
    return await _limits(request)


async def _source(request: web.Request) -> web.StreamResponse:
    pipeline = pipeline_of(request.path)
    if pipeline is None:
        return _say({"error": "the source serves /cfpb, /github, /youtube and /_control"}, 404)
    source, asked, at = request.app[SOURCE], wire.asked_of(request), time.monotonic()
    fault = source.faults.strike(pipeline, asked)
    status = 0
    try:
        response = await _answered(request, pipeline, asked, fault)
        status = response.status
    except wire.NoAnswerError:
        return web.Response()  # goes nowhere: the connection is gone
    finally:
        source.served.note(pipeline, asked, status, at, fault.effect.kind if fault else "")
    return response


async def _answered(
    request: web.Request, pipeline: Pipeline, asked: Asked, fault: Active | None
) -> web.StreamResponse:
    source = request.app[SOURCE]

    def answer() -> Answer:
        return source.answer(pipeline, asked, fault)

    return await wire.send(request, answer, fault, source.released)


async def serve(source: Source, host: str, port: int, stop: asyncio.Event) -> None:
    """Serve until `stop` is set; print the address when requests are taken."""
    # without handler_cancellation a request that hangs would outlive its client
    runner = web.AppRunner(
        application(source), access_log=None, handler_cancellation=True, shutdown_timeout=0.2
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=512).start()
        print(f"source: http://{host}:{runner.addresses[0][1]}", flush=True)
        await stop.wait()
    finally:
        source.clear()
        await runner.cleanup()
