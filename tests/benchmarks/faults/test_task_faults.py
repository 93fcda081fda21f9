"""What happens to a task's process: when it landed, who is frozen with it, and who may write."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest
from histories import history, trial

from benchmarks import checks, measures, workloads
from benchmarks.faults import task
from benchmarks.faults.task import (
    ExhaustMemory,
    Freeze,
    Hang,
    KillEachTime,
    KillSupervisor,
    Terminate,
    _signal,
    fenced,
    memory_group,
    with_supervisor,
)
from benchmarks.model import STRUCK_AGAIN, Outcome, Role, State, Verdict
from benchmarks.runner import run_trial
from benchmarks.sampling import Sampler
from benchmarks.scenarios import PATIENT, SCENARIOS, TASK, unsupported
from benchmarks.setups import SETUPS
from shared import journal
from shared.journal import Event, _numbered

BARE = SETUPS["bare/process/default"]
KEY = "k"


def told(*events):
    """Return a history of one second an event: (kind, step) or (kind, step, pid)."""
    found = [
        Event(float(at), 0, kind, "r", step, KEY, pid=(*pid, 7)[0] if step else 0, host="c")
        for at, (kind, step, *pid) in enumerate(events)
    ]
    return tuple(_numbered(found))


BEFORE = (("submitted", ""), ("started", "extract"))
AT_PAGE = (*BEFORE, ("checkpoint", "extract"))


def test_memory_is_exhausted_from_the_start_of_a_step():
    assert not ExhaustMemory().due(told(*BEFORE[:1]))
    assert ExhaustMemory().due(told(*BEFORE))


@pytest.mark.parametrize("fault", (Terminate(), Hang()), ids=lambda f: f.name)
def test_it_is_due_between_two_pages(fault):
    assert not fault.due(told(*BEFORE))
    assert fault.due(told(*AT_PAGE))


def test_a_kill_in_the_open_transaction_is_due_when_its_rows_are_written():
    fault = SCENARIOS["killed-in-load"].fault

    assert not fault.due(told(("submitted", ""), ("started", "load")))
    assert fault.due(told(("submitted", ""), ("started", "load"), ("written", "load")))


def test_a_step_that_ends_before_the_signal_was_missed():
    hit = ("fault_injected", "extract")

    assert Terminate().landed(told(*AT_PAGE, hit, ("failed", "extract")))
    assert not Terminate().landed(told(*AT_PAGE, ("finished", "extract"), hit))


def test_a_step_hangs_until_the_run_has_ended():
    assert Hang().landed(told(*AT_PAGE, ("ended", ""), ("finished", "extract")))
    assert not Hang().landed(told(*AT_PAGE, ("finished", "extract"), ("ended", "")))


FROZEN = ((0, "submitted", ""), (1, "started", "load"), (2, "fault_injected", "load"))


def by(pid, at, kind):
    return Event(at, at, kind, "r", "load", "k", pid=pid)


@pytest.mark.parametrize(
    ("later", "verdict"),
    [
        ([by(7, 5, "committed")], Verdict.PASS),
        ([by(8, 4, "started"), by(8, 5, "committed")], Verdict.PASS),
        ([by(8, 4, "started"), by(8, 5, "committed"), by(7, 6, "committed")], Verdict.FAIL),
        ([by(7, 3, "committed"), by(8, 4, "started"), by(8, 5, "committed")], Verdict.PASS),
        ([by(7, 4, "started"), by(7, 5, "committed")], Verdict.PASS),  # a retry in its process
        ([by(7, 4, "started"), by(7, 5, "committed"), by(7, 6, "committed")], Verdict.FAIL),
    ],
)
def test_a_frozen_attempt_writes_nothing_once_another_has_taken_over(later, verdict):
    found = replace(trial(), history=(by(7, 1, "started"), *history(*FROZEN[2:]), *later))

    assert fenced(found).verdict is verdict


def test_without_a_fault_nobody_can_say_who_is_fenced():
    assert fenced(trial(*FROZEN[:2])).verdict is Verdict.UNKNOWN


class World:
    """An engine with workers."""

    def __init__(self, *workers):
        self.orchestrator, self._workers = self, workers

    def pids(self, role):
        return self._workers if role is Role.WORKER else ()


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield psutil.Process(process.pid)
    process.communicate()


def test_what_supervises_a_task_is_the_worker_above_it(child):
    me, above = psutil.Process(), psutil.Process(os.getppid())

    assert with_supervisor(World(), child) == [child]
    assert with_supervisor(World(me.pid), child) == [me, child]
    assert with_supervisor(World(above.pid), child) == [above, child]  # through what only forks
    assert with_supervisor(World(child.pid), child) == [child]


def test_what_supervises_a_task_is_killed_and_the_task_goes_on(tmp_path, child, monkeypatch):
    sent = []  # the test itself is above the child: nothing is really sent
    monkeypatch.setattr(task, "send", lambda pid, number: sent.append((pid, number)))
    hit = at_work("started", child.pid)
    scene = SimpleNamespace(undo=ExitStack())
    world = SimpleNamespace(holds=tmp_path, orchestrator=World(os.getpid()), scene=scene)
    armed = journal.hold_file(tmp_path, hit.run, "started", hit.step, hit.key)
    armed.touch()
    told = KillSupervisor().strike(world, hit)

    assert sent == [(os.getpid(), signal.SIGKILL)]
    assert armed.read_text() == repr(hit.at)  # held is that attempt alone
    scene.undo.close()
    assert sent[1:] == [(child.pid, signal.SIGKILL)]  # it does not outlive the trial
    assert "what supervises the step" in told
    world.orchestrator = World()
    with pytest.raises(RuntimeError, match="nothing supervises"):
        KillSupervisor().strike(world, hit)


def at_work(kind, pid):
    return Event(1, 1, kind, "r", "load", KEY, 1, pid, socket.gethostname())


def test_each_attempt_is_killed_until_that_is_healed(tmp_path):
    fault, world = KillEachTime(), SimpleNamespace(holds=tmp_path)
    command = [sys.executable, "-c", "input()"]
    first, second = (subprocess.Popen(command, stdin=subprocess.PIPE) for _ in range(2))
    submitted = Event(0, 0, "submitted", "r", key=KEY)
    history = [submitted, at_work("written", first.pid)]
    fault.inject(world, history)
    history.append(Event(2, 2, "fault_injected", "r", "load", KEY))

    assert first.wait() == -signal.SIGKILL
    assert fault.again(world, history) is None
    history.append(at_work("written", second.pid))
    struck = fault.again(world, history)
    assert second.wait() == -signal.SIGKILL
    assert (struck.step, struck.key) == ("load", KEY)
    assert len(list(tmp_path.iterdir())) == 1  # the next one will wait, too
    history.append(Event(4, 4, STRUCK_AGAIN, "r", "load", KEY))
    assert fault.again(world, history) is None
    fault.heal(world)
    assert list(tmp_path.iterdir()) == []
    for process in (first, second):
        process.communicate()


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"memory/memory.limit_in_bytes": ""}, ("memory/g", "memory/g/memory.limit_in_bytes")),
        ({"cgroup.subtree_control": "cpu memory\n"}, ("g", "g/memory.max")),
    ],
)
def test_a_control_group_of_memory_is_where_the_kernel_has_them(tmp_path, files, found):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)

    assert memory_group("g", tmp_path) == tuple(tmp_path / name for name in found)


def test_without_a_controller_of_memory_the_reason_is_said(tmp_path):
    (tmp_path / "cgroup.subtree_control").write_text("cpu\n")

    with pytest.raises(PermissionError, match="no memory controller"):
        memory_group("g", tmp_path)


@pytest.fixture
def tried(stand_of):
    """Return a function that takes the complaints through a scenario on `bare`."""

    def one(name, **instead):
        stand, scenario = stand_of(), replace(SCENARIOS[name], **instead)
        workload = workloads.WORKLOADS["complaints"]
        done = run_trial(stand, scenario, workload, "r", Sampler(stand.orchestrator.services))
        assert scenario.fault.landed(done.history)
        assert list(stand.holds.iterdir()) == []
        return done

    return one


def outcome(done):
    return checks.outcome_of(done.state, done.history)


@pytest.mark.parametrize("name", ["killed-in-extract", "killed-in-load", "terminated"])
def test_a_process_that_is_gone_is_got_over_by_one_resume(tried, name):
    done = tried(name)

    assert outcome(done) is Outcome.RESUMED
    assert done.ledger.complete


def test_what_follows_a_process_that_was_terminated_is_not_held(tried):
    done = tried("terminated", fault=Terminate(lasts_s=60.0))

    assert outcome(done) is Outcome.RESUMED
    assert "healed" not in {event.kind for event in done.history}  # it was over before


def test_a_process_without_memory_is_killed_by_the_kernel(tried):
    if why := unsupported("out-of-memory", BARE):
        pytest.skip(why)
    done = tried("out-of-memory")

    assert outcome(done) is Outcome.RESUMED
    assert done.ledger.complete


def test_a_frozen_process_goes_on_when_it_is_thawed(tried):
    done = tried("frozen-100-s", fault=Freeze("frozen", lasts_s=1.0), after_s=0.1)
    key = done.workload.keys[0]
    of_load = [e.kind for e in done.history if e.step == "load" and e.key == key or not e.step]

    assert done.state is State.SUCCEEDED
    assert of_load.index("healed") < of_load.index("committed")
    assert fenced(done).verdict is Verdict.PASS
    assert done.ledger.complete


def test_a_step_that_hangs_is_given_up_and_the_next_attempt_is_not_held(tried):
    done = tried("hung", stuck_s=0.5)

    assert outcome(done) is Outcome.RESUMED
    assert measures.interventions_count(done.history) == 2
    assert done.ledger.complete


def test_signals_of_ended_processes_are_no_error(child):
    _signal(psutil.Process(child.pid), signal.SIGCONT)
    child.kill()
    child.wait()
    _signal(child, signal.SIGKILL)


def test_each_has_the_time_that_a_person_needs():
    asked = [scenario for scenario in TASK if scenario.name != "killed-after-commit"]

    assert all(scenario.deadline_s >= PATIENT["deadline_s"] for scenario in asked)
    assert all(scenario.stuck_s >= PATIENT["stuck_s"] for scenario in asked)
