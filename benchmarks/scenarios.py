"""Scenarios: what goes wrong during a workload. The name is the command line's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from benchmarks.faults.at_hold import KillAtHold
from benchmarks.faults.calm import Calm
from benchmarks.faults.container import CutOffWorker, KillWorker, PauseWorker
from benchmarks.faults.database import (
    FillDisk,
    FillMetadataDisk,
    KillServer,
    LockWarehouse,
    may_mount,
)
from benchmarks.faults.network import DisturbLink
from benchmarks.faults.run import Cancel, TriggerTwice, of_both, stopped
from benchmarks.faults.service import (
    SERVICES,
    ControlDown,
    CutPower,
    KillControl,
    KillHost,
    KillService,
    LeaveHost,
    Redeploy,
    one_release,
    survived,
)
from benchmarks.faults.source import (
    DRIFTED,
    POISONED,
    Misbehave,
    MisbehaveOnKeys,
    Poison,
    asked_once,
    waits_s,
    without_first_day,
    without_poisoned,
)
from benchmarks.faults.task import (
    GRACE_S,
    ExhaustMemory,
    Freeze,
    Hang,
    KillEachTime,
    KillSupervisor,
    Terminate,
    fenced,
    memory_group,
)
from benchmarks.model import Fault, Scenario, Setup, Truth
from benchmarks.orchestrators.containers import MODE as COMPOSE

# The longest time after which an engine is known to notice by itself as shipped. A scheduler of
# Airflow, started again, looks for the tasks of the one before it at once, when that still counts
# as alive, and then every 300 s. A person steps in later than that.
STUCK_S = 360.0
DEADLINE_S = 600.0
LIMIT_S = 5  # of a rate limit
MAY_NOT_MOUNT = "only who may mount gives a database a small disk of its own"
OUTAGES_S = (15, 60, 300)  # from what a client retries through to what no heartbeat does
# Where nothing but a time-out of minutes, or a person behind it, may notice.
PATIENT: Mapping[str, Any] = {"deadline_s": DEADLINE_S, "stuck_s": STUCK_S}
ALONE = ("bare", "dag-test", "script", "api")  # an engine and modes without services of their own
NO_SERVICES = "it has no services of its own: nothing is there to be taken away"


def _outlasting(lasts_s: float) -> dict[str, Any]:
    """Return the times of a person who waits out a long fault, and again once it is over."""
    return {"deadline_s": DEADLINE_S + 2 * lasts_s, "stuck_s": STUCK_S + lasts_s}


def _in_containers(why: str) -> dict[str, str]:
    """Return, by setup, why containers lack a scenario of the local modes."""
    return {f"{engine}/{COMPOSE}": why for engine in SERVICES}


def _served(fault: Fault, title: str, **more: Any) -> Scenario:
    """Return a scenario in which services are taken away."""
    times = {**PATIENT, **more}
    return Scenario(fault.name, title, fault, served=True, otherwise=NO_SERVICES, **times)


LOCAL = _in_containers("a service is not named there: see control-killed and worker-killed")
SOURCE = (
    Scenario(
        "source-503",
        "The source answers 503 twice, then well",
        Misbehave("source-503", "503, twice", {"kind": "status", "status": 503, "times": 2}),
    ),
    Scenario(
        "source-429",
        f"The source answers 429 with Retry-After {LIMIT_S} s",
        Misbehave(
            "source-429",
            f"429, Retry-After {LIMIT_S} s",
            {"kind": "retry_after", "seconds": LIMIT_S},
        ),
        checks=(waits_s(LIMIT_S),),
        heals_first=True,
    ),
    Scenario(
        "github-limit",
        f"GitHub's primary limit is used up: 403 with a reset in {LIMIT_S} s",
        Misbehave(
            "github-limit",
            f"403, nothing remains for {LIMIT_S} s",
            {"kind": "rate_limit", "seconds": LIMIT_S},
        ),
        workload="github_stats",
        checks=(waits_s(LIMIT_S),),
        heals_first=True,
    ),
    Scenario(
        "youtube-quota",
        "YouTube's quota is used up for the day: the run must say that it failed",
        Misbehave("youtube-quota", "403, quotaExceeded", {"kind": "quota", "times": None}),
        workload="youtube_stats",
        ends=Truth.TRUE_FAILURE,
        checks=(asked_once,),
    ),
    Scenario(
        "source-silent",
        "The source takes a request and never answers it",
        Misbehave("source-silent", "no answer", {"kind": "hang"}),
    ),
    Scenario(
        "json-cut-off",
        "The source closes the connection after half of an answer",
        Misbehave("json-cut-off", "half of an answer", {"kind": "truncate"}),
    ),
    Scenario(
        "json-invalid",
        "The source answers 200 with half of a JSON text as if it were all",
        Misbehave("json-invalid", "200 with invalid JSON", {"kind": "invalid_json"}),
    ),
    Scenario(
        "records-poisoned",
        f"{len(POISONED)} records of a day are invalid, each in another way",
        Poison("records-poisoned", f"{len(POISONED)} invalid records"),
        truth=without_poisoned,
    ),
    Scenario(
        "field-gone",
        f"Every record of a day has lost its field {DRIFTED}",
        MisbehaveOnKeys(
            "field-gone",
            f"no {DRIFTED}",
            {"kind": "field_gone", "name": DRIFTED},
            shows="finished",
        ),
        truth=without_first_day,
    ),
    Scenario(
        "field-retyped",
        f"In every record of a day the field {DRIFTED} is a list",
        MisbehaveOnKeys(
            "field-retyped",
            f"{DRIFTED} is a list",
            {"kind": "field_type", "name": DRIFTED, "type": "list"},
            shows="finished",
        ),
        truth=without_first_day,
    ),
)
TASK = (
    Scenario(
        "killed-in-extract",
        "The task's process is killed between two pages of its extraction",
        KillAtHold("killed-in-extract", "checkpoint", "extract"),
        **PATIENT,
    ),
    Scenario(
        "killed-in-load",
        "The task's process is killed with its rows written and nothing committed",
        KillAtHold("killed-in-load", "written", "load"),
        **PATIENT,
    ),
    Scenario(
        "killed-after-commit",
        "The task's process is killed after its commit, before the engine heard of it",
        KillAtHold(),
        **PATIENT,
    ),
    Scenario(
        "killed-each-time",
        "The task's process is killed in each attempt before its commit, for 4 minutes or until the"
        " run has failed and somebody resumes it",
        KillEachTime(),
        heals_first=True,
        **_outlasting(KillEachTime().lasts_s),
    ),
    _served(
        KillSupervisor(),
        "The process that supervises a step is killed; the step goes on for 60 s, and writes",
        after_s=10.0,
        checks=(fenced,),
        lacks={
            **LOCAL,
            "prefect": "the worker supervises the flow run: see host-left",
            "dagster/in-process": "no process supervises a step",
        },
    ),
    Scenario(
        "terminated",
        f"The task's process gets SIGTERM, and {GRACE_S:g} s later SIGKILL",
        Terminate(),
        **PATIENT,
    ),
    *(
        Scenario(
            fault.name,
            f"Task and supervisor are frozen for {fault.lasts_s:g} s before the load, and thawed",
            fault,
            **_outlasting(fault.lasts_s),
            after_s=10.0,
            checks=(fenced,),
            lacks=_in_containers("see worker-paused, which is the same for a container"),
        )
        # Longer than the heartbeat time-outs as tuned (Airflow 30 s, Prefect 90 s), as shipped
        # (Airflow 300 s, looked at every 10 s).
        for fault in (Freeze("frozen-100-s"), Freeze("frozen-330-s", lasts_s=330.0))
    ),
    Scenario(
        "hung",
        "A step never comes back: only a time-out, or a person, ends it",
        Hang(),
        **PATIENT,
    ),
    Scenario(
        "out-of-memory",
        "The kernel kills the task's process: its control group has no memory left",
        ExhaustMemory(),
        **PATIENT,
    ),
)
CONTAINER = (
    Scenario(
        "worker-killed",
        "The worker's container loses its main process after a commit, and is restarted",
        KillWorker(),
        **PATIENT,
        mode=COMPOSE,
        otherwise="nothing starts a service of the local mode again, as a restart policy does",
    ),
    Scenario(
        "worker-paused",
        "The worker's container is frozen for 20 s after a commit",
        PauseWorker(),
        **PATIENT,
        mode=COMPOSE,
        otherwise="no group of local processes is what a worker's container holds",
    ),
    Scenario(
        "worker-cut-off",
        "The worker's container is off the network for 20 s after a commit",
        CutOffWorker(),
        **PATIENT,
        mode=COMPOSE,
        otherwise="all local processes share one loopback network",
    ),
)


def _service_killed(engine: str, service: str) -> Scenario:
    """Return the scenario of one service of one engine."""
    others = {other: f"it has no {service}" for other in SERVICES if other != engine}
    served = {"prefect/serve": "it has no worker"} if service == "worker" else {}
    name = f"{'worker-service' if service == 'worker' else service}-killed"
    return _served(
        KillService(name, service=service),
        f"{engine}: the {service} is killed during an extraction, and started again",
        lacks={**LOCAL, **others, **served},
    )


CONTROL = (
    _served(
        KillControl(),
        "The control plane is killed after a commit, but for what the step runs below, and started"
        " again",
    ),
    *(_service_killed(engine, name) for engine, names in SERVICES.items() for name in names),
    _served(
        KillHost("host-killed"),
        "The service below which a step runs is killed with all below it, and started again",
        lacks=LOCAL,
    ),
    _served(
        LeaveHost("host-left"),
        "The service below which a step runs is killed alone, and started again while what it had"
        " started is still at work",
        after_s=10.0,
        lacks=LOCAL,
    ),
    _served(
        KillHost("scheduler-and-host-killed", decider=True),
        "That service is killed with all below it, and the one that decides what runs next, too",
        lacks={**LOCAL, "airflow": "its scheduler is the host of its steps: see host-killed"},
    ),
    *(
        _served(
            ControlDown(f"control-down-{seconds}-s", lasts_s=seconds),
            f"The control plane is down for {seconds} s while a step is at work",
            **_outlasting(seconds),
            lacks=LOCAL,
            checks=(survived,),
        )
        for seconds in OUTAGES_S
    ),
)
DATABASES = (
    _served(KillServer("metadata-killed"), "The metadata database is away for 2 s after a commit"),
    _served(
        KillServer("metadata-down-30-s", lasts_s=30.0),
        "The metadata database is away for 30 s after a commit",
    ),
    _served(
        FillMetadataDisk(),
        "The metadata database's disk is full for 30 s after a commit; its write-ahead log is on"
        " another, so that only what needs a new page fails",
        apart="disk",
        lacks=_in_containers("the databases of all containers are on the host's disk"),
    ),
    Scenario(
        "warehouse-locked",
        "Another connection locks the warehouse for 45 s",
        LockWarehouse(),
        **PATIENT,
    ),
    Scenario(
        "warehouse-killed",
        "The warehouse's server is killed with a load's transaction open, and started again",
        KillServer("warehouse-killed", "written", of="warehouse"),
        heals_first=True,
        **PATIENT,
    ),
    Scenario(
        "disk-full",
        "The warehouse's disk is full for 15 s before a load",
        FillDisk(),
        heals_first=True,
        lacks=_in_containers("the containers' warehouse is PostgreSQL, on the host's disk"),
        **PATIENT,
    ),
)
RUNS = (
    Scenario(
        "children-refused",
        "Two of six days are refused until somebody has mended the source and resumes the run",
        MisbehaveOnKeys(
            "children-refused", "503 for two days", {"kind": "status", "status": 503}, places=(1, 4)
        ),
        workload="complaints-6-days",
        heals_first=True,
        deadline_s=300.0,
    ),
    Scenario(
        "triggered-twice",
        "A second run of the same days is triggered while the first is at work",
        TriggerTwice(),
    ),
    Scenario(
        "overlapping",
        "A run of days that begin a day later is triggered while the first is at work",
        TriggerTwice("overlapping", later=1),
        truth=of_both,
    ),
    _served(
        Redeploy("redeployed"),
        "The service below which a step runs is stopped as a deployment does, and started again",
        lacks=LOCAL,
    ),
    _served(
        Redeploy("redeployed-new-code", changed=True),
        "A deployment brings another release of the library: which one do the run's steps execute?",
        lacks=LOCAL,
        apart="code",
        checks=(one_release,),
    ),
    Scenario(
        "cancelled",
        f"The run is cancelled during an extraction, and has {Cancel().lasts_s:g} s to stop",
        Cancel(),
        ends=Truth.TRUE_FAILURE,
        after_s=10.0,
        checks=(stopped,),
    ),
)
NETWORK = tuple(
    _served(
        fault,
        title,
        apart="link",
        after_s=10.0,
        checks=(fenced,),
        lacks=_in_containers("see worker-cut-off, which is the same for a container"),
    )
    for fault, title in (
        (
            DisturbLink("link-cut-60-s"),
            "Before a load, the control plane cannot be reached for 60 s; the warehouse can",
        ),
        (
            DisturbLink("link-half-open-60-s", delay_s=math.inf),
            "Before a load, the control plane does not answer for 60 s, and nobody is told",
        ),
        (
            DisturbLink("link-slow-60-s", delay_s=1.0),
            "Before a load, each word to the control plane and back takes 1 s more, for 60 s",
        ),
    )
)
POWER = (_served(CutPower(), "Everything is killed after a commit, and started again"),)
# By what is hit; of the first group nothing is.
GROUPS: Mapping[str, tuple[Scenario, ...]] = {
    "none": (Scenario("calm", "Nothing goes wrong", Calm()),),
    "source": SOURCE,
    "task": TASK,
    "worker's container": CONTAINER,
    "control": CONTROL,
    "database": DATABASES,
    "run": RUNS,
    "network": NETWORK,
    "power": POWER,
}
SCENARIOS: Mapping[str, Scenario] = {s.name: s for group in GROUPS.values() for s in group}
FAULTS = tuple(name for name in SCENARIOS if name != "calm")


def unsupported(
    scenario: str, setup: Setup, metadata: str = "postgresql", warehouse: str = "sqlite"
) -> str:
    """Return why a scenario cannot be done on a setup; "" when it can."""
    wanted = SCENARIOS[scenario]
    if wanted.mode not in ("", setup.mode):
        return wanted.otherwise
    if wanted.served and (setup.engine in ALONE or setup.mode in ALONE):
        return wanted.otherwise
    begins = (b for b in wanted.lacks if f"{setup.name}/".startswith(f"{b}/"))
    if (lacking := next(begins, None)) is not None:
        return wanted.lacks[lacking]
    if isinstance(wanted.fault, ExhaustMemory):
        return _no_memory_group()
    if wanted.apart == "link" and setup.engine == "dagster" and metadata == "sqlite":
        return "its steps speak to the metadata database alone, and SQLite has no server"
    if isinstance(wanted.fault, KillServer):
        return _no_server(wanted.fault, setup, metadata, warehouse)
    if isinstance(wanted.fault, FillDisk):
        return _no_disk(warehouse)
    if isinstance(wanted.fault, FillMetadataDisk):
        return _no_metadata_disk(metadata)
    return ""


def _no_server(fault: KillServer, setup: Setup, metadata: str, warehouse: str) -> str:
    """Return why a database's server cannot be killed alone; "" when it can."""
    if fault.of == "metadata":
        return "SQLite has no server: its file is the services' own" if metadata == "sqlite" else ""
    if setup.mode == COMPOSE:
        return "the containers' warehouse is the bench's way to the truth, and not restarted"
    if warehouse == "sqlite":
        return "SQLite has no server: the lock of its file is warehouse-locked"
    return "" if warehouse == "postgresql" else "a server that was given is not the bench's to kill"


def _no_disk(warehouse: str) -> str:
    """Return why the warehouse cannot have a small disk of its own; "" when it can."""
    if warehouse != "sqlite":
        return "it is done to a warehouse on SQLite, whose file is all that it is"
    return "" if may_mount() else MAY_NOT_MOUNT


def _no_metadata_disk(metadata: str) -> str:
    """Return why the metadata database cannot have a small disk of its own; "" when it can."""
    if metadata == "sqlite":
        return "its file lies among the engine's own: the warehouse's is disk-full"
    if metadata != "postgresql":
        return "a server that was given is not the bench's to fill"
    return "" if may_mount() else MAY_NOT_MOUNT


def _no_memory_group() -> str:
    try:
        memory_group("any")
    except PermissionError as error:
        return str(error)
    return ""
