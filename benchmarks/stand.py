"""Where trials of one setup take place, and what the bench itself notes there."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.link import Link
from benchmarks.model import Orchestrator, Scene, Server, Struck, Workload
from benchmarks.orchestrators.services import Services
from benchmarks.processes import Group
from shared import journal
from shared.journal import Event

NOTHING = Workload("", "", {}, ())


@dataclass(frozen=True, slots=True)
class Stand:
    """Where trials of one setup take place: the engine and everything a fault may touch.

    `metadata_url` is the PostgreSQL database in which the engine keeps its metadata, "" when it has
    none; `database` the processes of that server, when it is the bench's own.
    """

    orchestrator: Orchestrator
    source_url: str
    warehouse_url: str
    journals: Path
    holds: Path
    staging: Path
    metadata: Server | None = None
    shadowed: bool = False  # whether the pipelines note each row that they write
    metadata_url: str = ""
    database: Group | None = None
    warehouse: Server | None = None
    link: Link | None = None
    code: Path | None = None  # a copy of the pipelines' code, where it is not the checkout's
    disk: Path | None = None  # that holds the metadata database alone, where there is one
    scene: Scene = field(default_factory=lambda: Scene("", NOTHING))

    @property
    def local(self) -> bool:
        """Whether the engine is processes that the bench has started: no containers."""
        return isinstance(self.orchestrator.services, Services)


def note(stand: Stand, run: str, kind: str, what: Struck, at: float | None = None) -> None:
    """Append one of the bench's own events to the run's journal; `at` is now unless given."""
    event = Event(
        at=time.monotonic() if at is None else at,
        wall=time.time(),
        kind=kind,
        run=run,
        step=what.step,
        key=what.key,
        detail=what.what,
    )
    journal.append(stand.journals, event)
