"""CPU seconds are split by role, and the roles add up to the whole."""

import sys

import psutil
import pytest

from benchmarks.model import Role, Setup
from benchmarks.orchestrators.services import Services, end, wait_until
from benchmarks.processes import below, children
from benchmarks.roles import Split
from benchmarks.sampling import Sampler

IDLE = "import signal; signal.pause()"
BURN = "import time\nwhile time.process_time() < 0.5: pass\n"
# Starts a task that works and ends, then waits to be ended itself.
WORKER = (
    f"import signal, subprocess, sys\nsubprocess.run([sys.executable, '-c', {BURN!r}])\n"
    "print('done', flush=True)\nsignal.pause()"
)


class Engine:
    """Services that a test starts; the worker is the service of that name."""

    def __init__(self, directory, engine="prefect", mode="process"):
        self.setup = Setup(engine, mode, "default")
        self.services = Services(directory)

    def start(self, name, code, role):
        return self.services.start(name, [sys.executable, "-c", code], role=role, environment={})

    def pids(self, role):
        return self.services.pids(role)


@pytest.fixture
def engine(runs):
    made = Engine(runs)
    yield made
    made.services.stop_all(grace_s=0)


def test_what_a_worker_starts_is_a_task_and_all_adds_up_to_the_whole(engine):
    sampler = Sampler(engine.services, split=Split(engine))
    engine.start("server", IDLE, Role.CONTROL)
    with sampler:
        worker = engine.start("worker", WORKER, Role.WORKER)
        wait_until(lambda: b"done" in worker.log.read_bytes(), timeout_s=60, because="no task")

    found = sampler.usage()
    roles = [found[f"{role}_cpu_s"] for role in Role]
    assert found["task_cpu_s"] > 0.4
    assert sum(roles) == pytest.approx(found["cpu_s"])
    assert min(roles) >= 0


def test_a_run_that_is_a_process_of_its_own_is_a_task_though_it_has_ended(engine):
    sampler = Sampler(engine.services, split=Split(engine))
    with sampler:
        run = engine.start("run-1", BURN, Role.TASK)
        wait_until(lambda: not run.running(), timeout_s=60, because="the run goes on")
        wait_until(lambda: not run.processes(), timeout_s=60, because="it is not reaped")

    found = sampler.usage()
    assert found["task_cpu_s"] > 0.4
    assert found["worker_cpu_s"] == 0


def test_of_a_run_that_was_ended_with_its_guard_nothing_is_known(engine):
    first, second = (Sampler(engine.services, split=Split(engine)) for _ in range(2))
    with first:
        end(engine.start("run-1", IDLE, Role.TASK))
    with second:
        run = engine.start("run-2", BURN, Role.TASK)
        wait_until(lambda: not run.processes(), timeout_s=60, because="it is not reaped")

    assert [first.usage()[name] for name in ("cpu_s", "task_cpu_s", "control_cpu_s")] == [None] * 3
    assert second.usage()["task_cpu_s"] > 0.4  # the next is measured as ever


def test_a_worker_that_executes_its_steps_itself_is_a_task(engine):
    engine.setup = Setup("dagster", "in-process", "default")
    sampler = Sampler(engine.services, split=Split(engine))
    with sampler:
        worker = engine.start("worker", WORKER, Role.WORKER)
        wait_until(lambda: b"done" in worker.log.read_bytes(), timeout_s=60, because="no task")

    assert sampler.usage()["worker_cpu_s"] == 0
    assert sampler.usage()["task_cpu_s"] > 0.4


def test_without_a_split_no_role_is_named(engine):
    with Sampler(engine.services) as sampler:
        pass

    assert not {f"{role}_cpu_s" for role in Role} & set(sampler.usage())


def test_the_processes_below_one_are_those_that_psutil_finds(engine):
    service = engine.start("worker", WORKER.replace("0.5", "9e9"), Role.WORKER)
    wait_until(lambda: children(service.pid), timeout_s=60, because="no child")

    listed = [p.pid for p in psutil.Process(service.guard.pid).children(recursive=True)]
    assert sorted(below(service.guard.pid)) == sorted(listed)
    assert len(listed) == 2


def test_a_process_that_has_ended_has_no_children():
    gone = 2**22 + 1  # above the greatest pid of Linux

    assert (children(gone), below(gone)) == ([], [])
