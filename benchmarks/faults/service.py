"""What can happen to an engine's services: one dies, one with all below it, many, or all."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from benchmarks.faults.at_hold import AtHold, hold_alone, release
from benchmarks.faults.supervisor import start_again
from benchmarks.model import Finding, Role, Trial, Verdict, World
from benchmarks.orchestrators.dagster import MAX_RUNTIME
from benchmarks.orchestrators.services import Services
from benchmarks.orchestrators.through_api import STEP_TIMEOUT
from benchmarks.processes import pid_of, send
from shared.journal import Event

# The services of the local modes, in the order of their start.
SERVICES: Mapping[str, tuple[str, ...]] = {
    "airflow": ("api-server", "dag-processor", "scheduler"),
    "prefect": ("server", "worker"),
    "dagster": ("code-server", "webserver", "daemon"),
}
DECIDES: Mapping[str, str] = {"airflow": "scheduler", "prefect": "server", "dagster": "daemon"}
AWAY_S = 2.0
EARLY_S = 1.0  # an engine's time-out begins before the step writes that it has started
BEFORE, AFTER = "1", "2"  # releases of the code


@dataclass(frozen=True, slots=True)
class Away(AtHold):
    """Services are gone for some seconds, and are started again; the step goes on where it can."""

    silent_until: ClassVar[str] = "fault_injected"

    kind: str = "checkpoint"
    step: str = "extract"
    lasts_s: float = AWAY_S

    def restore(self, world: World) -> None:
        start_again(world)


@dataclass(frozen=True, slots=True)
class KillControl(Away):
    """SIGKILL every process of the control plane, but of that below which the step runs."""

    name: str = "control-killed"
    kind: str = "committed"
    step: str = "load"

    def strike(self, world: World, hit: Event) -> str:
        spared = _host_pid(world, hit)
        pids = [it for it in world.orchestrator.pids(Role.CONTROL) if it != spared]
        for pid in pids:
            send(pid, signal.SIGKILL)
        release(world)
        return f"SIGKILL to {len(pids)} processes of the control plane"


@dataclass(frozen=True, slots=True)
class CutPower(AtHold):
    """SIGKILL the engine with its runs and its metadata database; start all of it again.

    The source stays: it stands for APIs elsewhere.
    """

    name: str = "power-lost"
    lasts_s: float = AWAY_S

    def strike(self, world: World, hit: Event) -> str:
        world.orchestrator.kill()
        if world.metadata is not None:
            world.metadata.kill()
        release(world)
        return "SIGKILL to everything"

    def restore(self, world: World) -> None:
        if world.metadata is not None:
            world.metadata.start()
        start_again(world)


@dataclass(frozen=True, slots=True)
class KillService(Away):
    """SIGKILL the main process of one service; what it had started goes on until its next start."""

    service: str = ""

    def strike(self, world: World, hit: Event) -> str:
        pid = services_of(world).started[self.service].pid
        send(pid, signal.SIGKILL)
        release(world)
        return f"SIGKILL to the {self.service}, process {pid}"


@dataclass(frozen=True, slots=True)
class LeaveHost(Away):
    """SIGKILL the service below which the step runs, alone, and never end what it had started.

    systemd as shipped ends what is left of a service's control group, and a container dies as a
    whole; supervisord as shipped, and a person who starts the service by hand, leave it.
    """

    def strike(self, world: World, hit: Event) -> str:
        services = services_of(world)
        name = host_of(services, pid_of(hit))
        send(services.started[name].pid, signal.SIGKILL)
        services.leave(name)
        world.scene.undo.callback(services.end_left)
        release(world)
        return f"SIGKILL to the {name} alone"


@dataclass(frozen=True, slots=True)
class KillHost(Away):
    """SIGKILL the service below which the step runs, with all below it.

    `decider`: and the service that decides what runs next, where it is another.
    """

    decider: bool = False

    def strike(self, world: World, hit: Event) -> str:
        services = services_of(world)
        names = {host_of(services, pid_of(hit))}
        if self.decider:
            names.add(DECIDES[world.orchestrator.setup.engine])
        for name in names:
            services.kill(name)
        release(world)
        return f"SIGKILL to {' and '.join(sorted(names))} with all below"


@dataclass(frozen=True, slots=True)
class Redeploy(Away):
    """Stop the service below which the step runs as a deployment does, and start it again.

    It gets SIGTERM, and SIGKILL with all below it when it is there after the grace. `changed`: the
    library is another release afterwards, which its steps journal.
    """

    lasts_s: float = 0.0
    grace_s: float = 10.0
    changed: bool = False

    def strike(self, world: World, hit: Event) -> str:
        services = services_of(world)
        name = host_of(services, pid_of(hit))
        release(world)
        services.stop(name, grace_s=self.grace_s)
        told = f"SIGTERM to the {name}, {self.grace_s:g} s of grace"
        if not self.changed:
            return told
        assert world.code is not None, "the scenario's start has a copy of the code"
        deploy(world.code, AFTER)
        return f"{told}, and new code"


def deploy(code: Path, release: str) -> None:
    """Make a copy of the pipelines' code another release of the library."""
    (code / "shared" / "__init__.py").write_text(f"RELEASE = {release!r}\n")


def one_release(trial: Trial) -> Finding:
    """All steps of the run were of one release of the code."""
    steps: dict[str, list[str]] = {}
    for event in trial.history:
        if event.kind == "started":
            name = (event.detail or {}).get("release", "?")
            steps.setdefault(name, []).append(f"{event.step} {event.key}".strip())
    told = "; ".join(f"release {name}: {', '.join(it)}" for name, it in steps.items())
    verdict = Verdict.PASS if len(steps) == 1 and "?" not in steps else Verdict.FAIL
    return Finding("one_release", verdict if steps else Verdict.UNKNOWN, told or "no step started")


@dataclass(frozen=True, slots=True)
class ControlDown(Away):
    """SIGKILL every service that decides, but for that below which the step runs.

    The step is at work until they are all back: what ends it meanwhile is the engine.
    """

    def strike(self, world: World, hit: Event) -> str:
        hold_alone(world, hit)
        services = services_of(world)
        host = host_of(services, pid_of(hit))
        deciding = [s.name for s in services.started.values() if s.role is Role.CONTROL]
        names = [name for name in deciding if name != host]
        for name in names:
            services.kill(name)
        return f"{', '.join(names)} down for {self.lasts_s:g} s"

    def heal(self, world: World) -> None:
        try:
            start_again(world)
        finally:
            release(world)


def _host_pid(world: World, hit: Event) -> int | None:
    """Return the process of the service below which a step runs; None where a role tells it."""
    services = world.orchestrator.services
    if not isinstance(services, Services):
        return None
    return services.started[host_of(services, pid_of(hit))].pid


def services_of(world: World) -> Services:
    """Return the services of an engine of a local mode."""
    services = world.orchestrator.services
    assert isinstance(services, Services), "the scenario is for local modes"
    return services


def host_of(services: Services, pid: int) -> str:
    """Return the name of the service below which a process runs.

    Raises:
        LookupError: it runs below none.

    """
    for service in services.started.values():
        if pid in {process.pid for process in service.processes()}:
            return service.name
    raise LookupError(f"process {pid} runs below no service")


def survived(trial: Trial) -> Finding:
    """The step that was at work was left alone: it ended in the attempt that was hit.

    An attempt that ends although the engine has failed it, and starts another, was not. Of one that
    a time-out of the setup's own has ended, which is shorter than the outage, nobody can say.
    """
    fault = next((e for e in trial.history if e.kind == "fault_injected"), None)
    if fault is None:
        return Finding("survived", Verdict.UNKNOWN, "nothing was taken away")
    unit = [e for e in trial.history if (e.step, e.key) == (fault.step, fault.key)]
    later = [e.kind for e in unit if e.at > fault.at and e.kind in ("started", "finished")]
    if later == ["finished"]:
        return Finding("survived", Verdict.PASS)
    told = (e for e in unit if e.at > fault.at and e.kind in ("failed", "started"))
    ended = next((e for e in told), None)
    ended = ended if ended is not None and ended.kind == "failed" else None
    if ended is not None and (limit := _timed_out(trial, fault, ended)):
        return Finding("survived", Verdict.UNKNOWN, f"{limit} came first")
    reason = "it was started again" if "started" in later else "it never ended"
    said = f", behind {ended.detail}" if ended is not None else ""
    return Finding("survived", Verdict.FAIL, f"{reason}{said}")


def _timed_out(trial: Trial, fault: Event, ended: Event) -> str:
    """Return the setting by which the attempt had to end when it did; "" when there is none."""
    begun = [e for e in trial.history if e.kind == "started" and e.at < fault.at]
    of_step = [e.at for e in begun if (e.step, e.key) == (fault.step, fault.key)]
    since = {STEP_TIMEOUT: max(of_step, default=fault.at), MAX_RUNTIME: trial.history[0].at}
    limits = ((s, float(s.value)) for s in trial.setup.settings if s.name in since)
    over = (s for s, limit in limits if ended.at - since[s.name] >= limit - EARLY_S)
    return next((f"{s.name}: {s.value}" for s in over), "")
