"""Deterministic numbers: the same seed and the same name give the same number in every process."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")
MASK = (1 << 64) - 1


def number(seed: int, *names: object) -> int:
    """Return 64 bits drawn from a seed and names; Python's `hash` differs between processes."""
    text = "\x1f".join(map(str, (seed, *names)))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def between(low: int, high: int, seed: int, *names: object) -> int:
    """Return a number from `low` to `high`, both included."""
    return low + number(seed, *names) % (high - low + 1)


def skewed(high: int, seed: int, *names: object) -> int:
    """Return a number from 0 to `high`, small ones far more often: as counts on the web are."""
    share = number(seed, *names) / MASK
    return int(high * share**4)


def one_of(options: Sequence[T], seed: int, *names: object) -> T:
    """Return one of the options."""
    return options[number(seed, *names) % len(options)]


def chance(percent: int, seed: int, *names: object) -> bool:
    """Say yes in so many of a hundred cases."""
    return number(seed, *names) % 100 < percent


def token(length: int, seed: int, *names: object) -> str:
    """Return text of the URL-safe base64 alphabet, as ids on the web are."""
    text = "\x1f".join(map(str, (seed, *names)))
    digest = blake2b(text.encode(), digest_size=32).digest()
    return base64.urlsafe_b64encode(digest).decode()[:length]
