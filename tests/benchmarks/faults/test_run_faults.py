"""What people do to a run: the same again, and its end; and a fan-out whose children failed."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import requests
from histories import history, trial

from benchmarks import checks, ledger, plans, workloads
from benchmarks.faults.run import Cancel, TriggerTwice, stopped
from benchmarks.model import Outcome, Result, Scene, State, Truth, Verdict
from benchmarks.runner import run_trial
from benchmarks.sampling import Sampler
from benchmarks.scenarios import SCENARIOS
from shared import journal, warehouse
from shared.journal import Event
from shared.warehouse import COMPLAINTS

AT_PAGE = ((0, "submitted", ":k"), (1, "started", "extract"), (2, "checkpoint", "extract"))


@pytest.mark.parametrize("fault", (TriggerTwice(), Cancel()), ids=lambda fault: fault.name)
def test_it_is_due_while_a_step_is_at_work(fault):
    hit = (3, "fault_injected", "extract")

    assert not fault.due(history(*AT_PAGE[:2]))
    assert fault.due(history(*AT_PAGE))
    assert fault.landed(history(*AT_PAGE, hit, (4, "finished", "extract")))
    assert not fault.landed(history(*AT_PAGE, (2.5, "finished", "extract"), hit))


def by_a_step(at, kind):
    return Event(at, at, kind, "r", "extract", "k", pid=7)


@pytest.mark.parametrize(
    ("events", "verdict"),
    [
        ([by_a_step(3, "failed"), Event(13, 13, "healed", "r")], Verdict.PASS),
        ([Event(13, 13, "healed", "r"), by_a_step(14, "committed")], Verdict.FAIL),
        ([by_a_step(3, "failed")], Verdict.UNKNOWN),
    ],
)
def test_a_cancelled_run_does_nothing_after_its_grace(events, verdict):
    found = replace(trial(), history=tuple(events))

    assert stopped(found).verdict is verdict


class Engine:
    def __init__(self):
        self.told = []

    def submit(self, pipeline, run, parameters):
        self.told.append((pipeline, run, parameters))
        return f"handle of {run}"

    def cancel(self, handle):
        self.told.append(handle)

    def state(self, handle):
        return State.SUCCEEDED


@pytest.fixture
def world(tmp_path):
    workload = workloads.WORKLOADS["complaints"]
    scene = Scene("r", workload, {"r": "handle of r"})
    journal.hold_file(tmp_path, "r", "checkpoint", "extract", "k").touch()
    return SimpleNamespace(orchestrator=Engine(), scene=scene, holds=tmp_path)


def test_the_same_days_are_asked_for_again_under_another_name(world):
    TriggerTwice().inject(world, history(*AT_PAGE))
    TriggerTwice().heal(world)
    workload = world.scene.workload

    assert world.orchestrator.told == [(workload.pipeline, "r-again", workload.parameters)]
    assert list(world.holds.iterdir()) == []


def test_an_engine_that_refuses_the_second_run_has_answered(world):
    def submit(pipeline, run, parameters):
        raise requests.HTTPError("409 Conflict")

    world.orchestrator.submit = submit
    struck = TriggerTwice().inject(world, history(*AT_PAGE))
    TriggerTwice().heal(world)

    assert "refused: 409" in struck.what
    assert world.scene.handles == {"r": "handle of r"}


def test_a_step_is_at_work_until_the_grace_of_its_cancellation_is_over(world):
    Cancel().inject(world, history(*AT_PAGE))
    during = [file.read_text() for file in world.holds.iterdir()]
    Cancel().heal(world)

    assert world.orchestrator.told == ["handle of r"]
    assert during == ["2"]  # this attempt alone
    assert list(world.holds.iterdir()) == []


@pytest.mark.parametrize("times", [1, 3])
def test_a_cancellation_that_is_refused_is_asked_for_again(world, times):
    cancel, answers = world.orchestrator.cancel, iter(["500 deadlock"] * times)

    def refuse(handle):
        for answer in answers:
            raise requests.HTTPError(answer)
        cancel(handle)

    world.orchestrator.cancel = refuse
    if times == 3:
        with pytest.raises(requests.HTTPError, match="500"):
            Cancel().inject(world, history(*AT_PAGE))
    else:
        assert "refused: 500 deadlock" in Cancel().inject(world, history(*AT_PAGE)).what
        assert world.orchestrator.told == ["handle of r"]


def test_a_scenario_with_a_workload_of_its_own_is_done_on_that():
    plan = plans.plan(
        "c", "quick", setups=("bare/process/default",), workloads=("complaints",),
        scenarios=("children-refused", "github-limit", "source-503"), seed=1,
        metadata="sqlite", warehouse="sqlite", repetitions=1, command="",
    )  # fmt: skip
    (block,) = plans.slots(plan, 1)
    asked = {slot.scenario: slot.asked for slot in block if slot.scenario != "calm"}

    assert asked == {
        "children-refused": "complaints-6-days",
        "github-limit": "github_stats",
        "source-503": "complaints",
    }


@pytest.mark.parametrize(
    ("pipeline", "name", "asked"),
    [
        ("complaints", "2-days", "complaints"),
        ("complaints", "complaints-6-days", "complaints-6-days"),
        ("chain", "chain-10-noop", "chain-10-noop"),
    ],
)
def test_a_result_is_found_again_by_what_was_asked_for(pipeline, name, asked):
    empty = Result(**dict.fromkeys(Result.__dataclass_fields__))
    found = replace(empty, engine="bare", mode="process", variant="default", trial=1, warmup=False)
    slot = plans.slot_of(replace(found, pipeline=pipeline, workload=name, scenario="calm"))

    assert slot.name == f"bare-process-default-{asked}-calm-1"


def test_a_workload_of_some_days_has_so_many_keys_and_its_own_name():
    found = workloads.named("complaints-6-days")

    assert (found.name, len(found.keys)) == ("complaints-6-days", 6)
    assert found.parameters == {"start": "2026-01-05", "end": "2026-01-10"}


@pytest.fixture
def tried(stand_of):
    """Return a function that takes a scenario's own workload through it, on `bare`."""

    def one(name):
        stand, scenario = stand_of(), SCENARIOS[name]
        workload = workloads.named(scenario.workload or "complaints")
        done = run_trial(stand, scenario, workload, "r", Sampler(stand.orchestrator.services))
        assert scenario.fault.landed(done.history)
        assert list(stand.holds.iterdir()) == []
        return stand, done

    return one


def test_children_that_failed_are_all_there_after_a_resume(tried):
    _, done = tried("children-refused")

    assert checks.outcome_of(done.state, done.history) is Outcome.RESUMED
    assert done.ledger.complete
    assert done.ledger.present > 6 * workloads.COMPLAINTS_PER_DAY


def test_two_runs_of_the_same_days_leave_each_row_once(tried):
    stand, done = tried("triggered-twice")
    other = journal.read(journal.path(stand.journals, "r-again"))
    expected = workloads.expected(done.workload)
    again = ledger.take("complaints", "r-again", expected, url=stand.warehouse_url, requests=0)

    assert done.ledger.complete and again.complete
    assert [e.step for e in other if e.kind == "finished"][-1] == "summarise"


def test_two_runs_that_overlap_bring_the_days_of_both_once(tried):
    stand, done = tried("overlapping")
    days = {row["date_received"] for row in warehouse.rows(COMPLAINTS, stand.warehouse_url)}

    assert done.ledger.complete
    assert days == {"2026-01-05", "2026-01-06", "2026-01-07"}


def test_a_run_that_is_cancelled_stops_and_says_so(tried):
    _, done = tried("cancelled")

    assert checks.truth_of(done.state, checks.delivered(done)) is Truth.TRUE_FAILURE
    assert stopped(done).verdict is Verdict.PASS
    assert "resumed" not in {event.kind for event in done.history}
