"""The nouns of the bench. Nothing here starts a process or opens a file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

from shared.journal import Event

if TYPE_CHECKING:
    from benchmarks.link import Link
    from benchmarks.processes import Group

PIPELINES = ("complaints", "github_stats", "youtube_stats")
CODE = ("shared", "airflow_dags", "prefect_impl", "dagster_impl")  # the folders of their code
SYNTHETIC = ("chain", "fanout")  # the pipelines that measure an engine: no source, no warehouse
IDLE = "idle"  # what a minute without any run is called in place of a pipeline
ENGINES = ("bare", "airflow", "prefect", "dagster")
KNOWN_BAD = "known-bad"  # stands for the engine where the checks are checked; in no figure


class Role(StrEnum):
    """What a process of an engine does; the name faults aim by."""

    CONTROL = "control"  # server, scheduler, daemon: decides what runs next
    WORKER = "worker"  # supervises task processes
    TASK = "task"  # executes the pipeline's own code


class State(StrEnum):
    """Where a run is, in words the engines share."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # terminal: the engine has given up


FINAL = (State.SUCCEEDED, State.FAILED)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a setup that is not as shipped, and why.

    A setting that is about speed has a `group`: those that make sense only together share one, and
    the group is tried alone, beside the group that it `needs`. One without is never tried alone.
    `source` is where the vendor says so: the address of a page, or of an issue.
    """

    name: str
    value: str
    default: str
    reason: str
    group: str = ""
    needs: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Setup:
    """How an engine is run: engine, mode and variant, for example `airflow/local/tuned`.

    `needed` lists what every setup of the mode sets so that it runs here at all (addresses,
    secrets, switched-off telemetry, what makes the mode); `settings` lists what tuning changes,
    empty for `default`; `benchmarks.ablation` makes variants with some of them, and the adapters
    apply exactly those that are there. `task` says what a step is: a call, a thread, a fork or a
    process. `pause_s` is the longest pause that the engine makes between two looks for runs.
    """

    engine: str
    mode: str
    variant: str
    settings: tuple[Setting, ...] = ()
    needed: tuple[Setting, ...] = ()
    task: str = ""
    pause_s: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.engine}/{self.mode}/{self.variant}"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an engine is started in: all that differs from one start to the next.

    `directory` is empty and the engine's own (homes, configuration, logs in `logs/`).
    `metadata_url` is a SQLAlchemy URL `postgresql://user@host:port/database` of a database that is
    empty or has been `migrated`, or "" for the engine's SQLite. `environment` holds the `ETL_*`
    variables of the pipelines. `port` is where the web UI listens, on loopback; 0 means any free
    one. Over `link`, when there is one, goes what the steps' processes and the control plane say
    to each other. `code` is the folder of the pipelines' code where it is not the checkout.
    """

    directory: Path
    metadata_url: str
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    migrated: bool = False
    link: Link | None = None
    code: Path | None = None


class Orchestrator(Protocol):
    """An engine under test, driven from outside by processes and HTTP only."""

    @property
    def setup(self) -> Setup: ...

    @property
    def services(self) -> Group:
        """The engine's processes; what its runs start is below them."""

    def version(self) -> str:
        """Return the installed version, as the engine itself reports it."""

    def start(self) -> None:
        """Start every service and return when a run can be submitted.

        Raises:
            TimeoutError: a service was not ready in time; its log is quoted in the message.

        """

    def stop(self) -> None:
        """Stop every service. Stopping what is stopped does nothing."""

    def web_ui(self) -> str:
        """Return the address of the web UI, or "" when there is none."""

    def submit(self, pipeline: str, run: str, parameters: Mapping[str, Any]) -> str:
        """Ask for one run of a pipeline and return the engine's own handle of it.

        `run` is our id: the pipeline's steps journal under it.
        """

    def state(self, handle: str) -> State:
        """Ask once where the run is. Never waits.

        A run that the engine itself continued under another id (Dagster's run retries) is followed.
        """

    def mend(self) -> str:
        """Restart the services that are dead or unwell, as a person who looks would; name them."""

    def give_up(self, handle: str) -> None:
        """Make a run that is stuck a failed one, as a person would before resuming it."""

    def cancel(self, handle: str) -> None:
        """Ask for the end of a run that is at work, the way this engine offers; never waits."""

    def resume(self, handle: str) -> str:
        """Continue a failed run the way this engine's manual says, and return its handle."""

    def kill(self) -> None:
        """End every process of it at once, those of its runs too, as a power loss does.

        `start` brings back what is not running.
        """

    def output(self, handle: str) -> str:
        """Return what the steps of the run printed, as the engine's API or log store has it."""

    def why(self, handle: str) -> str:
        """Return what the engine says about a run that failed."""

    def history(self, handle: str) -> str:
        """Return, in lines, what the engine has stored of how a run went: its states and tries."""

    def span_s(self, handle: str, steps: int) -> float | None:
        """Return the seconds from the first step created to the last one completed, as stored.

        By the engine's own store, through its public API; None while that does not know the end of
        so many steps. Asked once, never waits.

        Raises:
            LookupError: the engine does not say; the message is the reason.

        """

    def steps_done(self, handle: str) -> int:
        """Return how many steps of a run that succeeded have done so, as stored. Never waits.

        Raises:
            LookupError: the engine does not say; the message is the reason.

        """

    def pids(self, role: Role) -> Sequence[int]:
        """Return the live processes of a role, oldest first; empty when it has none."""


@runtime_checkable
class InContainers(Protocol):
    """An orchestrator whose processes are in containers; the faults on containers need it."""

    def worker(self) -> str:
        """Return the name of the container in which the pipelines' code runs, up or not."""

    def write_logs(self) -> None:
        """Write what each container has logged so far below the engine's directory."""


class Verdict(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"  # the check itself could not tell


class Outcome(StrEnum):
    """How a trial ended, best first."""

    UNHARMED = "unharmed"  # no step was started twice
    SELF_HEALED = "self_healed"  # the engine recovered alone
    RESUMED = "resumed"  # it recovered after the bench did what the manual says
    GAVE_UP = "gave_up"  # it said failed, and again after being resumed
    STUCK = "stuck"  # at the deadline it still said waiting or running
    ERROR = "error"  # the bench or a service broke: no statement about the engine


class Truth(StrEnum):
    """The engine's final state against what the warehouse holds."""

    TRUE_SUCCESS = "true_success"
    TRUE_FAILURE = "true_failure"
    FALSE_SUCCESS = "false_success"  # green, and rows are lost or wrong
    FALSE_FAILURE = "false_failure"  # red, and every row is there
    LIMBO = "limbo"  # no final state at the deadline


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says of one trial."""

    check: str
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Workload:
    """What a pipeline is asked to do in a trial; what must arrive is the source's ground truth.

    `runs` are submitted together, each with these parameters and keys. `deadline_s` is given where
    a scenario's would be too short. It is submitted at a random moment within the next `phase_s`
    seconds: at once when they are 0.
    """

    name: str
    pipeline: str
    parameters: Mapping[str, Any]
    keys: tuple[str, ...]
    runs: int = 1
    deadline_s: float = 0.0
    phase_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Ledger:
    """What had to arrive, what did, and what was done twice. Counts of rows unless said.

    The last four are from the shadow table, and None where there is none, or no such moment.
    """

    expected: int
    present: int
    lost: int  # expected and not in the warehouse
    unexpected: int  # in the warehouse, and not (or not so) in the ground truth
    duplicated: int  # keys that stand more than once in the warehouse
    quarantined: int
    balance: bool  # extracted = loaded + quarantined + superseded, from stored counts
    digest: str  # content hash of the warehouse's tables
    requests: int  # that the source served
    written: int | None = None  # by all attempts, what they wrote again included
    wasted: int | None = None  # written again, though the same row had been written before
    recovered: int | None = None  # expected and present, and first written after the fault
    late: int | None = None  # written after the run had its final state

    @property
    def complete(self) -> bool:
        """Whether the warehouse equals the ground truth, row by row."""
        return not (self.lost or self.unexpected or self.duplicated) and self.balance


STRUCK_AGAIN = "struck_again"  # the event of a fault that strikes each attempt, from the second on
SLOWER = "+slower"  # how the name of a variant ends in which a slowdown is planted
ENGINE_SAYS = "engine_says"  # the finding that quotes it of a run that did not succeed
ENGINE_SPAN = "engine_span_s"  # the measure of its own clock, and the finding why there is none


class Stored(NamedTuple):
    """How many of a run's steps the engine's own store has as done."""

    in_time: int | None  # when the store should have settled; None: it did not answer by then
    at_last: int  # when they were all there, or it was not waited for any longer
    waited_s: float  # from the first question until then


@dataclass(frozen=True, slots=True)
class Told:
    """What the engine itself says of a run, asked when it has ended; empty: was not asked."""

    why: str = ""  # the run did not succeed
    span_s: float | None = None  # by the engine's own clock, see `Orchestrator.span_s`
    no_span: str = ""  # why there is none
    history: str = ""  # what it has stored of how a run that was hit went
    steps: Stored | None = None  # of one that was hit and succeeded


@dataclass(frozen=True, slots=True)
class Trial:
    """One scenario on one setup, once: what was asked for and what happened."""

    setup: Setup
    workload: Workload
    scenario: str
    run: str
    history: tuple[Event, ...]
    state: State | None  # None: the bench broke before it knew
    ledger: Ledger | None  # None: not read, or the pipeline has no warehouse
    told: Told = Told()


Check = Callable[[Trial], Finding]

# What is there for a fault alone: a link that can be disturbed between steps and control plane, a
# copy of the pipelines' code that may be changed, a small disk of the metadata database.
Apart = Literal["", "link", "code", "disk"]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What goes wrong during a workload. `deadline_s` counts from the trigger.

    After `stuck_s` seconds in which a run that was hit shows no sign, a person restarts services
    that are unwell; if there are none, or it did not help, they give the run up and resume it.
    `mode` is the only one in which the fault can be injected, "" when it can in all;
    `served`: only where the engine has services. `otherwise` says what the others lack; `lacks`
    says of setups, or of their names' beginnings, why it cannot be injected there.

    `workload` is the name of the only one that it is for, "" for the ordinary complaints. `truth`
    returns what must arrive, where that is not all that the source has. `ends` is the end that
    tells the truth: a run that `ends` as a true failure is not resumed. `heals_first`: the fault is
    healed before a person resumes the run. `after_s` is for how long the journal is watched behind
    the run's end and the fault's, and `checks` are asked beside the usual ones. `apart` is what the
    engine has only in a start of its own.
    """

    name: str
    title: str
    fault: Fault
    deadline_s: float = 300.0  # beside other benches a step of Dagster as shipped takes 20 s
    stuck_s: float = math.inf
    mode: str = ""
    served: bool = False
    otherwise: str = ""
    lacks: Mapping[str, str] = field(default_factory=dict)
    workload: str = ""
    truth: Callable[[Workload], Any] | None = None
    ends: Truth = Truth.TRUE_SUCCESS
    heals_first: bool = False
    after_s: float = 0.0
    apart: Apart = ""
    checks: tuple[Check, ...] = ()


@dataclass(slots=True)
class Scene:
    """The trial that is going on: what was asked for, and how what a fault did is undone.

    `handles` holds the engine's own name of each run by ours; a fault may ask for more than one.
    """

    run: str
    workload: Workload
    handles: dict[str, str] = field(default_factory=dict)
    undo: ExitStack = field(default_factory=ExitStack)


class Server(Protocol):
    """A database server that a fault may take away."""

    def kill(self) -> None:
        """End it at once."""

    def start(self) -> None:
        """Start it again, if it does not run, and return when it answers."""


class World(Protocol):
    """Everything a fault may touch."""

    @property
    def orchestrator(self) -> Orchestrator: ...

    @property
    def source_url(self) -> str:
        """Where the stand-in source takes requests and, under `/_control`, its faults."""

    @property
    def warehouse_url(self) -> str: ...

    @property
    def holds(self) -> Path:
        """The directory of armed hold points."""

    @property
    def link(self) -> Link | None:
        """What lies between steps and control plane, in a scenario with `apart` a link."""

    @property
    def code(self) -> Path | None:
        """The folder of the pipelines' code, in a scenario with `apart` the code."""

    @property
    def scene(self) -> Scene:
        """The trial that is going on."""

    @property
    def metadata(self) -> Server | None:
        """The server of the engine's metadata database; None on SQLite, which has none."""

    @property
    def disk(self) -> Path | None:
        """The small disk of the metadata database, in a scenario with `apart` the disk."""

    @property
    def warehouse(self) -> Server | None:
        """The warehouse's server, where it is one of the bench's own."""


@dataclass(frozen=True, slots=True)
class Struck:
    """What a fault hit: in a few words, and which step and key were at work.

    `at` is when, in seconds of the journal's clock, where that was before the fault was due.
    """

    what: str
    step: str = ""
    key: str = ""
    at: float | None = None


class Fault(Protocol):
    """One thing that goes wrong, from outside the pipeline's code."""

    @property
    def name(self) -> str: ...

    @property
    def lasts_s(self) -> float:
        """After how many seconds it is healed while the run goes on; `inf`: when the run ends."""

    def prepare(self, world: World, run: str, workload: Workload) -> None:
        """Arm what must be armed before the run is submitted."""

    def due(self, history: Sequence[Event]) -> bool:
        """Is this the moment to strike? Asked after every look at the journal, until true."""

    def inject(self, world: World, history: Sequence[Event]) -> Struck:
        """Do the damage and say what was damaged."""

    def landed(self, history: Sequence[Event]) -> bool:
        """Did the damage hit the phase it was meant for? If not, the verdict is unknown."""

    def heal(self, world: World) -> None:
        """Undo what the fault did to the surroundings. Healing twice does nothing."""


@runtime_checkable
class Repeats(Protocol):
    """A fault that strikes more than once, until it is healed."""

    def again(self, world: World, history: Sequence[Event]) -> Struck | None:
        """Strike once more where that is due; asked after every look at the journal."""


@dataclass(frozen=True, slots=True)
class Result:
    """One line of results.jsonl. A number that could not be measured is null, never 0."""

    schema: int
    campaign: str
    engine: str
    version: str
    mode: str
    variant: str
    pipeline: str
    workload: str
    scenario: str
    trial: int  # repetition, from 1
    warmup: bool
    started: str  # ISO 8601, UTC
    outcome: Outcome
    truth: Truth | None
    measures: Mapping[str, float | None]  # names end in their unit
    ledger: Mapping[str, Any] | None
    findings: tuple[Finding, ...]
    journal: str  # path beside results.jsonl
    environment: Mapping[str, Any]
    seed: int
    command: str  # that repeats this trial alone
    error: str = ""  # why the outcome is `error`; else empty
