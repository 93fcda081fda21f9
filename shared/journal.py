"""The journal: what every step of a run did, one line an event, in one file a run.

The file survives what the orchestrator does not: each event is a single `write(2)` to a file opened
with `O_APPEND`, so a SIGKILL leaves whole lines only and processes never interleave (on a local
file system).
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from shared import RELEASE
from shared.config import settings

MAX_LINE_BYTES = 4096  # what one write(2) to an O_APPEND file delivers in one piece
HOLD_POLL_S = 0.01

KINDS = (
    "submitted",
    "refused",
    "started",
    "checkpoint",
    "written",
    "committed",
    "finished",
    "failed",
    "fault_injected",
    "struck_again",
    "healed",
    "back",
    "noticed",
    "mended",
    "given_up",
    "resumed",
    "ended",
)


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a journal.

    `at` is `time.monotonic()` in seconds, one clock for all processes of a machine; `wall` is Unix
    time in seconds, for people. `attempt` counts the starts of the same step and key, from 1; it is
    numbered when the journal is read, since no process knows what its predecessors did.
    """

    at: float
    wall: float
    kind: str
    run: str
    step: str = ""
    key: str = ""
    attempt: int = 0
    pid: int = 0
    host: str = ""
    detail: Any = None


def path(directory: Path, run: str) -> Path:
    """Return the file of a run; characters that a file name cannot hold become `_`."""
    return directory / (re.sub(r"[^\w.+-]", "_", run) + ".jsonl")


def record(kind: str, run: str, step: str = "", key: str = "", detail: Any = None) -> None:
    """Append one event to the run's journal; do nothing when `ETL_JOURNAL` is unset.

    When the hold point `kind:step:key` is armed, the event is written first and the call then
    waits until the process is killed or the hold is released.

    Raises:
        ValueError: the event does not fit into one atomic write.

    """
    directory = settings().journal
    if directory is None:
        return
    at = time.monotonic()
    append(directory, Event(
        at=at, wall=time.time(), kind=kind, run=run, step=step, key=key,
        pid=os.getpid(), host=socket.gethostname(), detail=detail,
    ))  # fmt: skip
    holds = settings().holds
    if holds is not None:
        _hold(hold_file(holds, run, kind, step, key), at)


def point(kind: str, run: str, step: str, key: str) -> None:
    """Record an event only where its hold point is armed: of a moment that is otherwise no news."""
    holds = settings().holds
    if holds is not None and hold_file(holds, run, kind, step, key).exists():
        record(kind, run, step, key)


def append(directory: Path, event: Event) -> None:
    """Write one event in one piece."""
    line = orjson.dumps(asdict(event)) + b"\n"
    if len(line) > MAX_LINE_BYTES:
        raise ValueError(f"journal: an event of {len(line)} bytes; the most is {MAX_LINE_BYTES}")
    descriptor = os.open(path(directory, event.run), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def step(name: str, run: str, key: str = "") -> Iterator[dict[str, Any]]:
    """Journal a step: `started`, then `finished`, or `failed` with the error's class and words.

    What the step puts into the mapping that it is given becomes the detail of `finished`.
    """
    detail: dict[str, Any] = {}
    record("started", run, name, key, {"release": RELEASE} if RELEASE else None)
    try:
        yield detail
    except BaseException as error:
        record("failed", run, name, key, _words(error))
        raise
    record("finished", run, name, key, detail or None)


def _words(error: BaseException) -> str:
    """Return an error's class and words in one line that an event can hold."""
    line = "".join(c if c.isprintable() else " " for c in f"{type(error).__name__}: {error}")
    return line.encode(errors="replace")[:1000].decode(errors="ignore")


def read(file: Path) -> tuple[Event, ...]:
    """Return the events of a journal in the order of the clock; a missing file holds none."""
    if not file.exists():
        return ()
    lines = _whole_lines(file.read_bytes()).splitlines()
    events = sorted((Event(**orjson.loads(line)) for line in lines), key=lambda e: e.at)
    return tuple(_numbered(events))


def _whole_lines(read: bytes) -> bytes:
    """Return what was read up to its last whole line.

    A line is written in one piece, but who reads at that moment may see its beginning alone.
    """
    return read[: read.rfind(b"\n") + 1]


@dataclass(slots=True)
class Follower:
    """Reads a journal that still grows, each line once: a look costs what is new."""

    file: Path
    events: list[Event] = field(default_factory=list)
    _starts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _read_bytes: int = 0

    def look(self) -> Sequence[Event]:
        """Return all events so far, in the order in which they were written."""
        if not self.file.exists() or self.file.stat().st_size == self._read_bytes:
            return self.events
        with self.file.open("rb") as stream:
            stream.seek(self._read_bytes)
            new = _whole_lines(stream.read())
        self._read_bytes += len(new)
        self.events += _numbered((Event(**orjson.loads(n)) for n in new.splitlines()), self._starts)
        return self.events


def _numbered(
    events: Iterable[Event], starts: Counter[tuple[str, str]] | None = None
) -> Iterator[Event]:
    starts = Counter() if starts is None else starts
    for event in events:
        unit = (event.step, event.key)
        starts[unit] += event.kind == "started"
        yield replace(event, attempt=starts[unit])


def hold_file(holds: Path, run: str, kind: str, step: str, key: str) -> Path:
    """Return the file whose presence arms the hold point `kind:step:key` of a run."""
    return holds / re.sub(r"[^\w.+-]", "_", f"{run}:{kind}:{step}:{key}")


def narrow(file: Path, event: Event, *, deaf: bool = False) -> None:
    """Hold at a point from now on only the one that waits there since an event; others pass.

    `deaf`: it waits in one system call, as for a peer that never answers, and not in many short
    ones between which Python would deliver an exception to a thread.
    """
    if deaf:
        os.mkfifo(pipe_of(file))
    part = file.with_name(f".{file.name}")
    part.write_text(f"{event.at!r} deaf" if deaf else repr(event.at))
    part.replace(file)


def pipe_of(file: Path) -> Path:
    """Return the pipe at which the one waits that a hold point made deaf."""
    return file.with_name(f"{file.name}.pipe")


def _hold(file: Path, at: float) -> None:
    while (told := _told(file)) is not None:
        since, _, deaf = told.partition(" ")
        if since not in ("", repr(at)):
            return
        if deaf:
            with contextlib.suppress(FileNotFoundError):  # released meanwhile
                pipe_of(file).read_bytes()  # until somebody opens the other end
        else:
            time.sleep(HOLD_POLL_S)


def _told(file: Path) -> str | None:
    try:
        return file.read_text()
    except FileNotFoundError:
        return None
