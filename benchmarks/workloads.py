"""What the source serves in a trial, and what must be in the warehouse at its end."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from benchmarks.model import SYNTHETIC, Workload
from benchmarks.source import truth
from shared import synthetic
from shared.synthetic import Kind

SEED = 7
TODAY = "2026-01-15"
COMPLAINTS_PER_DAY = 100
PAGE_SIZE = 40  # complaints: three pages a day, so that paging is part of every trial
# Trials are triggered by the bench alone, and their complaints come in several pages a day.
MEASURED = {"ETL_PAGE_SIZE": str(PAGE_SIZE), "ETL_SCHEDULE": "false"}


@dataclass(frozen=True, slots=True)
class Expected:
    """The ground truth of a workload: rows by table, and how many records are quarantined."""

    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    quarantined: int


def _days(start: str, days: int) -> tuple[str, ...]:
    first = date.fromisoformat(start)
    return tuple(str(first + timedelta(days=n)) for n in range(days))


def complaints(start: str, days: int) -> Workload:
    """Return a workload of day windows."""
    keys = _days(start, days)
    return Workload(
        name=f"{days}-day{'s' if days > 1 else ''}",
        pipeline="complaints",
        parameters={"start": keys[0], "end": keys[-1]},
        keys=keys,
    )


def repositories(*names: str) -> Workload:
    """Return a workload of repositories."""
    return Workload(
        f"{len(names)}-repositories", "github_stats", {"repositories": list(names)}, names
    )


def channels(*ids: str) -> Workload:
    """Return a workload of channels."""
    return Workload(f"{len(ids)}-channels", "youtube_stats", {"channels": list(ids)}, ids)


def chain(steps: int, kind: Kind = "noop", amount: int = 0) -> Workload:
    """Return a workload of steps one after the other, each with the value of the one before."""
    return _synthetic("chain", steps, kind, amount)


def fanout(steps: int, kind: Kind = "noop", amount: int = 0) -> Workload:
    """Return a workload of independent steps."""
    return _synthetic("fanout", steps, kind, amount)


def _synthetic(pipeline: str, steps: int, kind: Kind, amount: int) -> Workload:
    name = f"{pipeline}-{steps}-{kind}" + (f"-{amount}" if amount else "")
    parameters = {"steps": steps, "kind": kind, "amount": amount}
    return Workload(name, pipeline, parameters, tuple(synthetic.keys(steps)))


def fib_40_10() -> Workload:
    """Return forty small steps in a row: all that takes time is the engine."""
    return replace(chain(40, "fib", 10), name="fib_40_10")


def fib_10_33() -> Workload:
    """Return ten steps in a row of some tenths of a second each."""
    return replace(chain(10, "fib", 33), name="fib_10_33")


# The flows of Windmill's comparison, by their names there.
FLOWS: Mapping[str, Callable[[], Workload]] = {"fib_40_10": fib_40_10, "fib_10_33": fib_10_33}
SHAPES: Mapping[str, Callable[..., Workload]] = {"chain": chain, "fanout": fanout}
DAYS_NAME = re.compile(r"complaints-([1-9]\d*)-days")
FIRST_DAY = "2026-01-05"
SYNTHETIC_NAME = re.compile(r"(chain|fanout)-([1-9]\d*)(?:-(noop|busy|fib|payload))?(?:-(\d+))?")


def named(name: str) -> Workload:
    """Return a workload by its name on the command line.

    That of a pipeline means its ordinary one; `complaints-6-days` has six days, `chain-50` is
    fifty no-ops in a row, and `fanout-10-busy-100` ten steps of 100 ms side by side.

    Raises:
        LookupError: no workload is called so.

    """
    if name in WORKLOADS:
        return WORKLOADS[name]
    if name in FLOWS:
        return FLOWS[name]()
    if found := DAYS_NAME.fullmatch(name):
        return replace(complaints(FIRST_DAY, int(found[1])), name=name)
    if found := SYNTHETIC_NAME.fullmatch(name):
        shape, steps, kind, amount = found.groups()
        return SHAPES[shape](int(steps), kind or "noop", int(amount or 0))
    raise LookupError(
        f"no workload is called {name}; there are: {', '.join((*WORKLOADS, *FLOWS))},"
        " complaints-N-days, chain-STEPS, fanout-STEPS, and both of these with -busy-MS, -fib-N"
        " or -payload-BYTES"
    )


def sizes(asked: Iterable[Workload]) -> str:
    """Return the value of `ETL_SYNTHETIC` with which these workloads can be submitted."""
    steps = {w.parameters["steps"] for w in asked if w.pipeline in SYNTHETIC}
    return ",".join(map(str, sorted(steps)))


# The ordinary ones: small, so that what is timed is the engine, and as many keys as a run may work
# on at a time; with the source's oddities in: paging, a renamed and a missing repository, videos
# that are private, counts that are absent.
WORKLOADS: Mapping[str, Workload] = {
    "complaints": complaints(FIRST_DAY, 2),
    "github_stats": repositories("acme/renamed-anvil", "acme/missing-one"),
    "youtube_stats": channels("UCalpha"),
}


# What a setup does first after its start, to be warm; its times are not used.
WARMUP = chain(1)


def expected(workload: Workload, today: str = TODAY) -> Expected:
    """Return what the warehouse must hold after a run of the workload, from an empty one."""
    if workload.pipeline == "complaints":
        return expected_of(list(truth.complaints(SEED, COMPLAINTS_PER_DAY, workload.keys)))
    if workload.pipeline == "github_stats":
        rows = truth.repositories(SEED, today, list(workload.keys))
        aside = truth.missing_repositories(list(workload.keys))
        return Expected({"repositories": rows}, len(aside))
    found = truth.channels(SEED, today, list(workload.keys))
    videos = truth.videos(SEED, today, list(workload.keys))
    aside = truth.missing_channels(list(workload.keys))
    private = truth.private_videos(SEED, list(workload.keys))
    return Expected({"channels": found, "videos": videos}, len(aside) + len(private))


def expected_of(rows: Sequence[Mapping[str, Any]]) -> Expected:
    """Return the expectation of these complaints, all of which are valid."""
    return Expected({"complaints": rows, "complaint_summary": _summary(rows)}, 0)


def _summary(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    counts = Counter((r["date_received"], r["product"], r["state"] or "") for r in rows)
    return [
        {"day": day, "product": product, "state": state, "complaints": n}
        for (day, product, state), n in counts.items()
    ]
