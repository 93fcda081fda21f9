"""The faults at a hold point: when they are due, whether they landed, and that they are undone."""

import math
import threading

import pytest

from benchmarks import setups
from benchmarks.faults.at_hold import KillAtHold, ended, held
from benchmarks.faults.container import CutOffWorker, KillWorker, PauseWorker
from benchmarks.faults.database import KillServer
from benchmarks.faults.service import CutPower, KillControl
from benchmarks.model import Struck
from benchmarks.scenarios import NO_SERVICES, SCENARIOS, unsupported
from benchmarks.strike import Strike
from shared import journal
from shared.journal import Event

KEY = "2026-01-05"
WAIT_S = 30.0  # for what takes milliseconds
HURT = (KillWorker(), PauseWorker(), CutOffWorker())  # in containers alone
SERVED = (KillControl(), KillServer("metadata-killed"), CutPower())  # where there are services


def told(*events):
    """Return a history of one second an event: (kind, step) or (kind, step, pid)."""
    found = [
        Event(
            at=float(at), wall=0, kind=kind, run="r", step=step, key=KEY, pid=(*pid, 7)[0], host="c"
        )
        for at, (kind, step, *pid) in enumerate(events)
    ]
    return tuple(journal._numbered(found))


BEFORE = (("submitted", ""), ("started", "load"))
HELD = (*BEFORE, ("committed", "load"))


@pytest.mark.parametrize("fault", (*HURT, *SERVED), ids=lambda fault: fault.name)
def test_it_is_due_when_the_load_has_committed_and_not_before(fault):
    assert not fault.due(told(*BEFORE))
    assert fault.due(told(*HELD))


@pytest.mark.parametrize(
    "fault", (KillAtHold(), KillWorker(), CutPower()), ids=lambda fault: fault.name
)
def test_a_kill_missed_when_the_attempt_told_of_its_end(fault):
    assert fault.landed(told(*HELD, ("fault_injected", "load"), ("started", "load", 8)))
    assert not fault.landed(told(*HELD, ("fault_injected", "load"), ("finished", "load")))
    assert not fault.landed(told(*BEFORE))


def test_a_pid_that_is_used_again_after_a_restart_is_another_process():
    history = told(*HELD, ("fault_injected", "load"), ("started", "load"), ("finished", "load"))

    assert ended(history, held(history, "committed", "load")) is None
    assert KillWorker().landed(history)


def test_a_pause_missed_when_the_attempt_ended_during_it():
    frozen = (*HELD, ("fault_injected", "load"), ("healed", ""), ("finished", "load"))
    awake = (*HELD, ("fault_injected", "load"), ("finished", "load"), ("healed", ""))

    assert PauseWorker().landed(told(*frozen))
    assert not PauseWorker().landed(told(*awake))
    assert not PauseWorker().landed(told(*BEFORE))


@pytest.mark.parametrize(
    "fault",
    (CutOffWorker(), KillControl(), KillServer("metadata-killed")),
    ids=lambda fault: fault.name,
)
def test_a_step_that_lost_its_engine_may_end(fault):
    history = told(*HELD, ("fault_injected", "load"), ("finished", "load"), ("healed", ""))

    assert fault.landed(history)
    assert not fault.landed(told(*HELD, ("finished", "load"), ("fault_injected", "load")))


class Spell:
    """A fault that counts what is done with it."""

    name = "spell"

    def __init__(self, lasts_s):
        self.lasts_s, self.injected, self.healed = lasts_s, 0, 0
        self.over = threading.Event()
        self.error = None

    def due(self, history):
        return True

    def inject(self, world, history):
        self.injected += 1
        return Struck("hurt", "load", KEY)

    def heal(self, world):
        self.healed += 1
        self.over.set()
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize(("lasts_s", "healed"), [(0.0, 1), (math.inf, 0)])
def test_a_fault_is_healed_once_when_its_time_is_over(stand_of, lasts_s, healed):
    stand, fault = stand_of(), Spell(lasts_s)
    with Strike(stand, fault, "r") as strike:
        for _ in range(3):
            strike.look(())
        assert fault.over.wait(WAIT_S if healed else 0) is bool(healed)
    kinds = [event.kind for event in journal.read(journal.path(stand.journals, "r"))]

    assert (fault.injected, fault.healed) == (1, healed)
    assert kinds == ["fault_injected"] + ["healed", "back"] * healed


def test_a_fault_is_healed_in_time_while_an_engine_lets_the_bench_wait_for_an_answer(stand_of):
    fault = Spell(0.01)
    with Strike(stand_of(), fault, "r") as strike:
        strike.look(())
        assert fault.over.wait(WAIT_S)  # nobody looks meanwhile


def test_a_fault_that_cannot_be_healed_breaks_its_trial(stand_of):
    fault = Spell(0.01)
    fault.error = RuntimeError("it does not start again")
    with (
        pytest.raises(RuntimeError, match="it does not start again"),
        Strike(stand_of(), fault, "r") as strike,
    ):
        strike.look(())
        assert fault.over.wait(WAIT_S)


def test_a_trial_that_ends_before_its_faults_time_is_over_waits_for_nothing(stand_of):
    fault = Spell(3600.0)
    with Strike(stand_of(), fault, "r") as strike:
        strike.look(())

    assert fault.healed == 0  # the trial heals, always


@pytest.mark.parametrize("fault", HURT, ids=lambda fault: fault.name)
def test_the_local_mode_says_why_it_cannot_do_it(fault):
    local = setups.SETUPS["prefect/process/default"]
    containers = setups.SETUPS["prefect/compose/default"]

    assert unsupported(fault.name, local) == SCENARIOS[fault.name].otherwise != ""
    assert unsupported(fault.name, containers) == ""


@pytest.mark.parametrize("fault", SERVED, ids=lambda fault: fault.name)
def test_what_has_no_services_says_so(fault):
    assert unsupported(fault.name, setups.SETUPS["bare/process/default"]) == NO_SERVICES
    assert unsupported(fault.name, setups.SETUPS["airflow/dag-test/default"]) == NO_SERVICES
    assert unsupported(fault.name, setups.SETUPS["airflow/local/default"]) == ""


def test_a_metadata_database_without_a_server_cannot_be_killed():
    prefect = setups.SETUPS["prefect/process/default"]

    assert "SQLite" in unsupported("metadata-killed", prefect, "sqlite")
    assert unsupported("power-lost", prefect, "sqlite") == ""


@pytest.mark.parametrize("setup", setups.SETUPS.values(), ids=lambda setup: setup.name)
def test_every_other_scenario_can_be_done_everywhere(setup):
    limited = [s.name for s in SCENARIOS.values() if s.mode or s.served or s.lacks]
    of_host = ("out-of-memory", "warehouse-killed", "disk-full")  # its rights, its databases
    names = [name for name in SCENARIOS if name not in (*limited, *of_host)]

    assert [name for name in names if unsupported(name, setup)] == []
