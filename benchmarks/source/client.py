"""What the bench says to a source that runs: set faults, clear them, ask what was served."""

from __future__ import annotations

import os
from typing import Any

import requests

TIMEOUT_S = 5.0


class ControlError(Exception):
    """The source did not accept what it was told; the message is its own."""


def ready(url: str) -> bool:
    """Say whether the source takes requests."""
    try:
        return bool(_ask("GET", url, "ready")["ready"])
    except requests.RequestException:
        return False


def described(url: str) -> dict[str, Any]:
    """Return what the source is: its `seed`, complaints `per_day`, and the day it is `today`."""
    return _ask("GET", url, "ready")


def set_fault(url: str, **fault: Any) -> dict[str, Any]:
    """Set one fault and return it with its `id`, for example `pipeline="complaints", kind="hang"`.

    Raises:
        ControlError: the fault is not of the documented form.

    """
    return _ask("POST", url, "faults", fault)


def faults(url: str) -> list[dict[str, Any]]:
    """Return the faults that are set, each with how often it struck and whom it poisoned."""
    found: list[dict[str, Any]] = _ask("GET", url, "faults")["faults"]
    return found


def clear(url: str) -> None:
    """Take back every fault; what was served stays known. Clearing twice does nothing."""
    _ask("DELETE", url, "faults")


def reset(url: str) -> None:
    """Clear faults, the record of requests, quotas and limits."""
    _ask("POST", url, "reset")


def served(url: str) -> list[dict[str, Any]]:
    """Return the requests since the last reset, oldest first; of very many only the newest."""
    requests_: list[dict[str, Any]] = counts(url)["requests"]
    return requests_


def counts(url: str) -> dict[str, Any]:
    """Return how many requests were served since the last reset: all, by pipeline, by status."""
    return _ask("GET", url, "served")


def set_limits(url: str, **limits: int | None) -> dict[str, Any]:
    """Change `searches_per_minute`, `github_per_hour`, `youtube_units`; None: not enforced.

    Raises:
        ControlError: a limit is unknown or not a number.

    """
    return _ask("POST", url, "limits", limits)


def _ask(method: str, url: str, what: str, content: Any = None) -> dict[str, Any]:
    token = os.environ.get("SOURCE_CONTROL_TOKEN", "")
    response = requests.request(
        method, f"{url.rstrip('/')}/_control/{what}", json=content, timeout=TIMEOUT_S,
        headers={"X-Control-Token": token} if token else {},
    )  # fmt: skip
    if not response.ok:
        raise ControlError(f"source: {response.status_code}: {response.text[:500]}")
    answer: dict[str, Any] = response.json()
    return answer
