"""Pipelines that are wrong on purpose: the checks must catch each of them in every campaign.

They run on `bare`, with a warehouse on SQLite. As a program, the way `bare` runs a pipeline:
`python -m benchmarks.known_bad HOW RUN PARAMETERS-AS-JSON`.
"""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, insert, select, text

from benchmarks import stack, workloads
from benchmarks.faults.at_hold import KillAtHold
from benchmarks.model import KNOWN_BAD, Finding, Scenario, Setup, Surroundings, Verdict
from benchmarks.orchestrators.bare import Bare, run_pipeline
from benchmarks.orchestrators.process_runs import DONE, Command, module
from benchmarks.results import CAUGHT
from benchmarks.scenarios import SCENARIOS
from benchmarks.stand import Stand
from shared import complaints, journal, staging, warehouse
from shared.config import settings

MODULE = "benchmarks.known_bad"  # as a program it has another name
POLL_S = 0.02


class Right:
    """The steps as they are; the wrong ones differ in one."""

    plan = staticmethod(complaints.plan)
    extract = staticmethod(complaints.extract)
    transform = staticmethod(complaints.transform)
    load = staticmethod(complaints.load)

    @staticmethod
    def summarise(run: str, windows: Sequence[str]) -> object:
        return complaints.summarise(run, windows)


class AppendsWithoutKey(Right):
    """Inserts rows behind those that are there; its table has no key that would refuse them."""

    @staticmethod
    def load(run: str, window: str) -> str:
        warehouse.bulk_upsert = _append
        return complaints.load(run, window)


def _append(connection: Connection, table: Table, rows: Iterable[Sequence[Any]]) -> int:
    named = [dict(zip(table.c.keys(), row, strict=True)) for row in rows]
    if named:
        connection.execute(insert(table), named)
    return len(named)


class SwallowsErrors(Right):
    """Hands on its key whatever happens, and leaves the lost window out of the summary's plan."""

    @staticmethod
    def extract(run: str, window: str) -> str:
        try:
            return complaints.extract(run, window)
        except Exception:
            return window

    @staticmethod
    def transform(run: str, window: str) -> str:
        try:
            return complaints.transform(run, window)
        except Exception:
            return window

    @staticmethod
    def load(run: str, window: str) -> str:
        try:
            return complaints.load(run, window)
        except Exception:
            return ""

    @staticmethod
    def summarise(run: str, windows: Sequence[str]) -> object:
        return complaints.summarise(run, [window for window in windows if window])


class AcknowledgesBeforeItCommits(Right):
    """Tells of its end, and commits after it."""

    @staticmethod
    def load(run: str, window: str) -> str:
        with journal.step("load", run, window):
            pass
        return complaints.load(run, window)


class BelievesItsAcknowledgement(AcknowledgesBeforeItCommits):
    """Does not load again what it has told of: what was killed in between is lost."""

    @staticmethod
    def load(run: str, window: str) -> str:
        noted = staging.folder(run, "acknowledged", window) / "loaded"
        if not noted.exists():
            noted.touch()
            AcknowledgesBeforeItCommits.load(run, window)
        return window

    @staticmethod
    def summarise(run: str, windows: Sequence[str]) -> object:
        with warehouse.engine().connect() as connection:
            stored = set(connection.scalars(select(warehouse.BATCHES.c.key)))
        return complaints.summarise(run, [window for window in windows if window in stored])


class WritesAfterItsEnd(Right):
    """Leaves its loads to processes of their own, which write when the run counts as done."""

    @staticmethod
    def load(run: str, window: str) -> str:
        subprocess.Popen(module("bench", MODULE, LATER, run, json.dumps(window)))
        _await(run, "started", window)
        return window

    @staticmethod
    def summarise(run: str, windows: Sequence[str]) -> object:
        return "not yet"


LATER = "later"  # in place of a pipeline's name


def load_later(run: str, window: str) -> None:
    """Load a window when the bench has seen the run's final state."""
    with journal.step(LATER, run, window):
        _await(run, "ended", "")
        complaints.load(run, window)


def _await(run: str, kind: str, key: str) -> None:
    directory = settings().journal
    assert directory is not None, "the bench gives its pipelines a journal"
    step = LATER if key else ""
    follower = journal.Follower(journal.path(directory, run))
    while not any((e.kind, e.step, e.key) == (kind, step, key) for e in follower.look()):
        time.sleep(POLL_S)


HOW: Mapping[str, type[Right]] = {
    kind.__name__: kind
    for kind in (
        Right,
        AppendsWithoutKey,
        SwallowsErrors,
        AcknowledgesBeforeItCommits,
        BelievesItsAcknowledgement,
        WritesAfterItsEnd,
    )
}


@dataclass(frozen=True, slots=True)
class Case:
    """A known-bad pipeline, the scenario in which it does harm, and the check that is meant for it.

    Other checks may fail, too.
    """

    how: str
    scenario: Scenario
    check: str

    @property
    def name(self) -> str:
        return re.sub(r"(?<!^)(?=[A-Z])", "-", self.how).lower()

    @property
    def harm(self) -> str:
        """Say in a sentence what is wrong with it."""
        return inspect.getdoc(HOW[self.how]) or ""

    @property
    def setup(self) -> Setup:
        """Return a setup that is no engine's, under which its trials are kept."""
        return Setup(KNOWN_BAD, self.name, "default", task="a call; side by side, a thread")


AFTER_ACKNOWLEDGEMENT = Scenario(
    "killed-after-acknowledgement",
    "The task's process is killed when it has told of its end",
    KillAtHold(kind="finished"),
)
CASES: Mapping[str, Case] = {
    case.name: case
    for case in (
        Case("AppendsWithoutKey", SCENARIOS["killed-after-commit"], "whole"),
        Case("SwallowsErrors", SCENARIOS["source-503"], "truthful"),
        Case("AcknowledgesBeforeItCommits", SCENARIOS["calm"], "acknowledged_after_commit"),
        Case("BelievesItsAcknowledgement", AFTER_ACKNOWLEDGEMENT, "whole"),
        Case("WritesAfterItsEnd", SCENARIOS["calm"], "nothing_late"),
    )
}


# By name: those of every campaign, and those that only known-bad pipelines need.
EVERY_SCENARIO = {**SCENARIOS, **{case.scenario.name: case.scenario for case in CASES.values()}}


@dataclass(slots=True)
class KnownBad(Bare):
    """`bare` with the steps of `how`."""

    how: str = "Right"

    def command(self, pipeline: str, run: str, parameters: Mapping[str, Any]) -> Command:
        return module("bench", MODULE, self.how, run, json.dumps(parameters))


def stand(how: str, setup: Setup, place: Path, source_url: str) -> Stand:
    """Return a place below a directory for trials of `bare` with the steps of `how`."""
    url = f"sqlite:///{place / 'warehouse.db'}"
    found = stack.furnished(place, source_url, url)
    environment = {**found, **workloads.MEASURED, **workloads.SHADOWED}
    if how == "AppendsWithoutKey":
        drop_the_key(url)
    return Stand(
        orchestrator=KnownBad(setup, Surroundings(place / "engine", "", environment), how=how),
        source_url=source_url,
        warehouse_url=url,
        journals=place / "journals",
        holds=place / "holds",
        staging=place / "staging",
        shadowed=True,
    )


def drop_the_key(url: str) -> None:
    """Make the table of complaints anew, without a constraint (SQLite)."""
    columns = ", ".join(f"{c.name} {c.type}" for c in warehouse.COMPLAINTS.c)
    with warehouse.engine(url).begin() as connection:
        connection.execute(text("DROP TABLE complaints"))
        connection.execute(text(f"CREATE TABLE complaints ({columns})"))


def caught(case: Case, findings: Sequence[Finding]) -> Finding:
    """Say whether the check that is meant for a known-bad pipeline has caught it."""
    meant = next((f for f in findings if f.check == case.check), None)
    if meant is None:
        return Finding(CAUGHT, Verdict.FAIL, f"the check {case.check} was not asked")
    if meant.verdict is Verdict.FAIL:
        return Finding(CAUGHT, Verdict.PASS, f"by the check {case.check}: {meant.reason}")
    verdict = Verdict.FAIL if meant.verdict is Verdict.PASS else Verdict.UNKNOWN
    return Finding(CAUGHT, verdict, f"the check {case.check} says {meant.verdict.value}")


if __name__ == "__main__":
    how, run, told = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    if how == LATER:
        load_later(run, told)
    else:
        run_pipeline(HOW[how], run, told)
        print(DONE)
