"""Steps that measure an engine: known work and a known value, without source and warehouse.

What a step did is in the journal alone: the detail of its `finished` event names its value, and the
value that the engine handed to it from the step before.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from shared import journal
from shared.config import ConfigurationError, settings

STEP = "work"

Kind = Literal["noop", "busy", "fib", "payload"]
Value = int | str


def keys(steps: int) -> list[str]:
    """Return the keys of a pipeline of so many steps, in order: "0001", "0002", ..."""
    return [f"{n:04d}" for n in range(1, steps + 1)]


def work(run: str, key: str, kind: Kind, amount: int = 0, previous: Value | None = None) -> Value:
    """Do one step and return its value; `previous` is that of the step before, in a chain.

    `amount` is, for `busy`, milliseconds of this thread's CPU time; for `fib`, which number; for
    `payload`, how many characters the value has.

    Raises:
        ConfigurationError: there is no such kind of step.
        ValueError: a payload arrived with another length than it was given.

    """
    with journal.step(STEP, run, key) as detail:
        if kind not in WORK:
            raise ConfigurationError(
                f"synthetic: no kind of step is called {kind}; there are: {', '.join(WORK)}"
            )
        value = WORK[kind](key, amount, previous)
        detail |= {"value": _said(value), "previous": _said(previous)}
    return value


def _said(value: Value | None) -> Value | None:
    """Return what the journal holds of a value: a number itself, of a text length and digest."""
    if not isinstance(value, str):
        return value
    return f"{len(value)} characters, blake2b {_digest(value)}"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _noop(key: str, amount: int, previous: Value | None) -> Value:
    return int(key)


def _busy(key: str, amount: int, previous: Value | None) -> Value:
    # CPU time, not the clock's: a step that must share its core still does all of its work.
    end = time.thread_time() + amount / 1000 * settings().slowdown
    while time.thread_time() < end:
        pass
    return int(key)


def _fib(key: str, amount: int, previous: Value | None) -> Value:
    return fib(amount)


def fib(n: int) -> int:
    """Return the n-th Fibonacci number the slow way: the calls are the work."""
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def _payload(key: str, amount: int, previous: Value | None) -> Value:
    if isinstance(previous, str) and len(previous) != amount:
        raise ValueError(f"step {key} was handed {len(previous)} characters instead of {amount}")
    return _text(key, amount)


def _text(key: str, characters: int) -> str:
    # Random, since a store may compress; hexadecimal, since every engine can store it as text.
    return random.Random(key).randbytes(characters // 2 + 1).hex()[:characters]


WORK: Mapping[str, Callable[[str, int, Value | None], Value]] = {
    "noop": _noop,
    "busy": _busy,
    "fib": _fib,
    "payload": _payload,
}


def expected(steps: int, kind: Kind, amount: int, *, chained: bool) -> dict[str, dict[str, Any]]:
    """Return, by key, what the journal must hold as the detail of each finished step."""
    before: Value | None = None
    wanted: dict[str, dict[str, Any]] = {}
    for key in keys(steps):
        value = _expected_value(key, kind, amount)
        wanted[key] = {"value": value, "previous": before}
        before = value if chained else None
    return wanted


def _expected_value(key: str, kind: Kind, amount: int) -> Value | None:
    if kind == "fib":
        return _fib_fast(amount)
    return _said(_text(key, amount)) if kind == "payload" else int(key)


def _fib_fast(n: int) -> int:
    low, high = 0, 1
    for _ in range(n):
        low, high = high, low + high
    return low
