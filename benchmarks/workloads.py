"""What the source serves in a trial, and what must be in the warehouse at its end."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from benchmarks.model import IDLE, SYNTHETIC, Workload
from benchmarks.source import truth
from shared import synthetic
from shared.synthetic import Kind

SEED = 7
TODAY = "2026-01-15"
COMPLAINTS_PER_DAY = 100
PAGE_SIZE = 40  # complaints: three pages a day, so that paging is part of every trial
PATIENT_S = 600.0  # for many runs, which share what one has for itself, and for large payloads
LARGE_BYTES = 30_000_000
STEP_S = 6.0  # that a step of a synthetic run may cost an engine, and ...
MOST_S = 900.0  # ... all of them together, before the size is given up there
# Trials are triggered by the bench alone, and their complaints come in several pages a day.
MEASURED = {"ETL_PAGE_SIZE": str(PAGE_SIZE), "ETL_SCHEDULE": "false"}
SHADOWED = {"ETL_SHADOW": "true"}  # ... and where faults are injected, each row written is noted


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
    keys = tuple(synthetic.keys(steps))
    return Workload(name, pipeline, parameters, keys, deadline_s=_deadline_s(steps, kind, amount))


def _deadline_s(steps: int, kind: Kind, amount: int) -> float:
    """Return how long a run may take: what its steps may cost the slowest, and twice its work."""
    if kind == "payload" and amount >= LARGE_BYTES:
        return PATIENT_S
    work_s = 2 * steps * amount / 1000 if kind == "busy" else 0.0
    return min(STEP_S * steps, MOST_S) + work_s


def fib_40_10() -> Workload:
    """Return forty small steps in a row: all that takes time is the engine."""
    return replace(chain(40, "fib", 10), name="fib_40_10")


def fib_10_33() -> Workload:
    """Return ten steps in a row of some tenths of a second each."""
    return replace(chain(10, "fib", 33), name="fib_10_33")


def together(workload: Workload, runs: int) -> Workload:
    """Return a workload of so many runs at once; of one, it is the workload itself."""
    if runs == 1:
        return workload
    name = f"{workload.name}-runs-{runs}"
    return replace(workload, name=name, runs=runs, deadline_s=PATIENT_S)


def idle(seconds: int) -> Workload:
    """Return what is no work: the engine is watched for so many seconds without a run."""
    return Workload(f"{IDLE}-{seconds}", IDLE, {"seconds": seconds}, (IDLE,))


# A multiple of every pause that an engine makes between two looks for runs (0.1, 0.5, 1, 5, 10 s):
# uniform over it is uniform over each of them.
PHASE_S = 10.0


def dispatch() -> Workload:
    """Return one step whose run meets the engine at any moment between two of its looks."""
    return replace(chain(1), name="dispatch", phase_s=PHASE_S)


# The flows of Windmill's comparison, by their names there.
FLOWS: Mapping[str, Callable[[], Workload]] = {"fib_40_10": fib_40_10, "fib_10_33": fib_10_33}
# Synthetic workloads by names of their own.
CALLED: Mapping[str, Callable[[], Workload]] = {**FLOWS, "dispatch": dispatch}
SHAPES: Mapping[str, Callable[..., Workload]] = {"chain": chain, "fanout": fanout}
DAYS_NAME = re.compile(r"complaints-([1-9]\d*)-days")
FIRST_DAY = "2026-01-05"
IDLE_NAME = re.compile(rf"{IDLE}-([1-9]\d*)")
SYNTHETIC_NAME = re.compile(
    r"(chain|fanout)-([1-9]\d*)(?:-(noop|busy|fib|payload))?(?:-(\d+))?(?:-runs-([1-9]\d*))?"
)
SIZE = re.compile(r"(?<=-payload-)(\d+)(kB|MB)(?=-|$)")
ZEROS = {"kB": "000", "MB": "000000"}


def named(name: str) -> Workload:
    """Return a workload by its name on the command line.

    That of a pipeline means its ordinary one; `complaints-6-days` has six days, `chain-50` is
    fifty no-ops in a row, `fanout-10-busy-100` ten steps of 100 ms side by side,
    `chain-5-payload-10MB` five steps that hand on ten million bytes, and `chain-5-runs-4` four runs
    of five no-ops at once; `idle-60` is a minute without a run.

    Raises:
        LookupError: no workload is called so.

    """
    if name in WORKLOADS:
        return WORKLOADS[name]
    if name in CALLED:
        return CALLED[name]()
    if found := IDLE_NAME.fullmatch(name):
        return idle(int(found[1]))
    if found := DAYS_NAME.fullmatch(name):
        return replace(complaints(FIRST_DAY, int(found[1])), name=name)
    if found := SYNTHETIC_NAME.fullmatch(SIZE.sub(lambda size: size[1] + ZEROS[size[2]], name)):
        shape, steps, kind, amount, runs = found.groups()
        one = SHAPES[shape](int(steps), kind or "noop", int(amount or 0))
        return together(one, int(runs or 1))
    raise LookupError(
        f"no workload is called {name}; there are: {', '.join((*WORKLOADS, *CALLED))},"
        " complaints-N-days, idle-SECONDS, chain-STEPS, fanout-STEPS, the last two with -busy-MS,"
        " -fib-N or -payload-BYTES (or kB, MB), and both of these with -runs-COUNT"
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
