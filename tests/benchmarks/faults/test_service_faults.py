"""Services that are taken away: which ones, whether it landed, and what became of the step."""

import sys
from contextlib import ExitStack
from dataclasses import replace
from types import SimpleNamespace

import pytest
from histories import trial

from benchmarks.faults.service import (
    BEFORE,
    SERVICES,
    ControlDown,
    KillControl,
    KillHost,
    KillService,
    LeaveHost,
    Redeploy,
    deploy,
    host_of,
    one_release,
    survived,
)
from benchmarks.model import Role, Setting, Setup, Verdict
from benchmarks.orchestrators.dagster import MAX_RUNTIME
from benchmarks.orchestrators.services import Services, wait_until
from benchmarks.orchestrators.through_api import STEP_TIMEOUT
from benchmarks.processes import pid_of
from benchmarks.scenarios import CONTROL, NO_SERVICES, SCENARIOS, unsupported
from benchmarks.setups import SETUPS
from shared import journal
from shared.journal import Event

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print(child.pid, flush=True)
child.wait()
"""


@pytest.fixture
def world(tmp_path, runs):
    """Return a world of three services, of which `worker` has a child that executes steps."""
    services = Services(tmp_path / "engine")
    starts = []

    class Engine(SimpleNamespace):
        def start(self):
            starts.append([s.name for s in services.started.values() if s.running()])

    for name, role in (("server", Role.CONTROL), ("api", Role.CONTROL), ("worker", Role.WORKER)):
        services.start(name, [sys.executable, "-c", PARENT], role=role, environment={})
    services.wait_until(
        lambda: services.started["worker"].log.read_text().strip(), timeout_s=30, because="child"
    )
    (tmp_path / "holds").mkdir()
    yield SimpleNamespace(
        orchestrator=Engine(
            services=services, pids=services.pids, setup=Setup("prefect", "process", "default")
        ),
        holds=tmp_path / "holds",
        starts=starts,
        scene=SimpleNamespace(undo=ExitStack()),
    )
    services.stop_all(grace_s=0)


def task(world) -> int:
    log = world.orchestrator.services.directory / "logs" / "worker.log"
    return int(log.read_text().split()[-1])


def held(world):
    """Return a history in which the worker's child waits at the hold point, which is armed."""
    import socket

    journal.hold_file(world.holds, "r", "checkpoint", "extract", "k").touch()
    event = Event(2, 2, "checkpoint", "r", "extract", "k", 1, task(world), socket.gethostname())
    return (Event(0, 0, "submitted", "r", key="k"), event)


def running(world):
    services = world.orchestrator.services.started.values()
    return {service.name for service in services if service.running()}


def test_a_process_is_below_the_service_that_started_it(world):
    services = world.orchestrator.services

    assert host_of(services, task(world)) == "worker"
    with pytest.raises(LookupError):
        host_of(services, 1)


def test_one_service_is_killed_and_what_it_started_lives(world):
    history = held(world)
    services = world.orchestrator.services
    struck = KillService("worker-killed", service="worker").inject(world, history)
    services.started["worker"].guard.poll()

    assert "SIGKILL to the worker" in struck.what
    assert task(world) in {p.pid for p in services.started["worker"].processes()}
    assert list(world.holds.iterdir()) == []


@pytest.mark.parametrize(
    ("decider", "left"), [(False, {"server", "api"}), (True, {"api"})], ids=["host", "and decider"]
)
def test_the_host_of_a_step_is_killed_with_the_step(world, decider, left):
    history = held(world)
    KillHost("host-killed", decider=decider).inject(world, history)

    assert running(world) == left
    assert pid_of(history[-1]) not in {p.pid for p in world.orchestrator.services.processes()}


def test_the_control_plane_is_killed_but_for_the_service_below_which_the_step_runs(world):
    services, (first, hit) = world.orchestrator.services, held(world)
    services.started["worker"].role = Role.CONTROL  # as Airflow's scheduler and the code server
    history = (first, replace(hit, kind="committed", step="load"))
    told = KillControl().inject(world, history).what

    assert "2 processes of the control plane" in told
    wait_until(lambda: running(world) == {"worker"}, timeout_s=30, because="the kernel ends them")


def test_what_the_host_had_started_may_go_on_while_it_is_started_again(world):
    services, history = world.orchestrator.services, held(world)
    fault = LeaveHost("host-left")
    struck = fault.inject(world, history)
    fault.heal(world)

    assert "SIGKILL to the worker alone" in struck.what
    assert world.starts == [["server", "api"]]
    assert "worker" not in services.started
    assert task(world) in {it.pid for it in services.processes()}
    world.scene.undo.close()
    assert task(world) not in {it.pid for it in services.processes()}


def test_a_deployment_stops_the_host_and_all_below_it_and_starts_it_again(world):
    fault, history = Redeploy("redeployed", grace_s=0.1), held(world)
    struck = fault.inject(world, history)
    fault.heal(world)

    assert "SIGTERM to the worker" in struck.what
    assert world.starts == [["server", "api"]]
    assert list(world.holds.iterdir()) == []


def test_a_deployment_may_bring_another_release(world, tmp_path):
    world.code = tmp_path / "code"
    (world.code / "shared").mkdir(parents=True)
    deploy(world.code, BEFORE)
    first = (world.code / "shared" / "__init__.py").read_text()
    struck = Redeploy("redeployed", grace_s=0.1, changed=True).inject(world, held(world))

    assert "new code" in struck.what
    second = (world.code / "shared" / "__init__.py").read_text()
    assert (first, second) == ("RELEASE = '1'\n", "RELEASE = '2'\n")


def ran(*releases):
    """Return a trial whose steps were of these releases."""
    made = trial(*((n, "started", f"extract:{n}") for n in range(len(releases))))
    details = [{"release": it} if it else None for it in releases]
    history = (
        replace(event, detail=told) for event, told in zip(made.history, details, strict=True)
    )
    return replace(made, history=tuple(history))


@pytest.mark.parametrize(
    ("releases", "verdict", "told"),
    [
        (("1", "1"), Verdict.PASS, "release 1: extract 0, extract 1"),
        (("1", "2"), Verdict.FAIL, "release 1: extract 0; release 2: extract 1"),
        ((None,), Verdict.FAIL, "release ?: extract 0"),
        ((), Verdict.UNKNOWN, "no step started"),
    ],
)
def test_the_steps_of_a_run_are_of_one_release_or_not(releases, verdict, told):
    found = one_release(ran(*releases))

    assert (found.verdict, found.reason) == (verdict, told)


def test_the_control_plane_is_down_while_the_step_is_at_work(world):
    fault, history = ControlDown("down", lasts_s=15), held(world)
    fault.inject(world, history)
    down, armed = running(world), [file.read_text() for file in world.holds.iterdir()]
    fault.heal(world)

    assert down == {"worker"}
    assert armed == [repr(history[-1].at)]  # this attempt alone is held
    assert world.starts == [["worker"]]
    assert list(world.holds.iterdir()) == []


HIT = ((0, "submitted", ""), (1, "started", "extract"), (2, "fault_injected", "extract"))


@pytest.mark.parametrize(
    ("later", "verdict"),
    [
        (((3, "finished", "extract"),), Verdict.PASS),
        (((3, "started", "extract"), (4, "finished", "extract")), Verdict.FAIL),
        (((3, "finished", "extract"), (4, "started", "extract")), Verdict.FAIL),  # given up by then
        (((3, "finished", "extract:other"),), Verdict.FAIL),
    ],
)
def test_a_healthy_step_survives_when_it_ends_in_the_attempt_that_was_hit(later, verdict):
    assert survived(trial(*HIT, *later)).verdict is verdict


@pytest.mark.parametrize(
    ("setting", "since", "verdict"),
    [
        (STEP_TIMEOUT, 40, Verdict.FAIL),
        (STEP_TIMEOUT, 119.9987, Verdict.UNKNOWN),  # seen: the timer begins before the journal
        (MAX_RUNTIME, 119, Verdict.UNKNOWN),  # a run began before its step
        (MAX_RUNTIME, 100, Verdict.FAIL),
        ("another", 120, Verdict.FAIL),
    ],
)
def test_of_a_step_that_its_own_time_out_ended_nobody_can_say(setting, since, verdict):
    end = HIT[1][0] + since
    ran = trial(*HIT, (end, "failed", "extract"), (end + 2, "started", "extract"))
    limited = replace(ran.setup, settings=(Setting(setting, "120", "none", "recovery"),))
    found = survived(replace(ran, setup=limited))

    assert found.verdict is verdict
    assert (found.reason == f"{setting}: 120 came first") == (verdict is Verdict.UNKNOWN)


def test_what_ended_a_later_attempt_did_not_end_the_one_that_was_hit():
    ran = trial(*HIT, (90, "started", "extract"), (300, "failed", "extract"))
    limited = replace(ran.setup, settings=(Setting(STEP_TIMEOUT, "120", "none", "recovery"),))

    assert survived(replace(ran, setup=limited)).verdict is Verdict.FAIL


def test_without_a_fault_nobody_can_say_what_survived():
    assert survived(trial(*HIT[:2])).verdict is Verdict.UNKNOWN


def test_each_local_engine_has_a_scenario_for_each_of_its_services():
    local = dict.fromkeys(SERVICES, "airflow/local")
    local |= {"prefect": "prefect/process", "dagster": "dagster/multiprocess"}
    killed = [s for s in CONTROL if isinstance(s.fault, KillService)]

    for engine, mode in local.items():
        able = [
            s.fault.service for s in killed if not unsupported(s.name, SETUPS[f"{mode}/default"])
        ]
        assert tuple(able) == SERVICES[engine]


@pytest.mark.parametrize("scenario", CONTROL, ids=lambda scenario: scenario.name)
def test_what_has_no_services_says_so(scenario):
    assert unsupported(scenario.name, SETUPS["bare/process/default"]) == NO_SERVICES


def test_an_outage_has_the_time_that_it_lasts_and_that_of_a_person_behind_it():
    for seconds in (15, 60, 300):
        scenario = SCENARIOS[f"control-down-{seconds}-s"]
        assert scenario.fault.lasts_s == seconds
        assert scenario.stuck_s > 300 + seconds
