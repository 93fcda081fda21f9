import contextlib
import dataclasses
import math
import os
import signal
import time

import pytest
import requests

from benchmarks import checks, measures, runner, workloads
from benchmarks.faults.at_hold import AtHold, KillAtHold, release
from benchmarks.faults.source import Misbehave
from benchmarks.model import Finding, Outcome, Result, Scenario, State, Struck, Truth, Verdict
from benchmarks.orchestrators.bare import Bare
from benchmarks.person import Person
from benchmarks.processes import pid_of, send
from benchmarks.runner import run_trial
from benchmarks.sampling import Sampler
from benchmarks.scenarios import SCENARIOS
from benchmarks.source import client
from benchmarks.stand import note
from shared import journal, warehouse
from shared.journal import Event

RUN = "run-1"


@pytest.fixture
def tried(stand_of):
    """Return a function that takes a workload through a scenario on `bare`."""

    def trial(scenario, pipeline="complaints"):
        stand = stand_of()
        sampler = Sampler(stand.orchestrator.services)
        workload = workloads.WORKLOADS[pipeline]
        return stand, run_trial(stand, SCENARIOS[scenario], workload, RUN, sampler)

    return trial


def outcome(trial):
    return checks.outcome_of(trial.state, trial.history)


def verdicts(trial):
    return {finding.check: finding.verdict for finding in checks.judge(trial, landed=True)}


@pytest.mark.parametrize("pipeline", list(workloads.WORKLOADS))
def test_a_calm_trial_is_unharmed_and_brings_every_row(tried, pipeline):
    _, trial = tried("calm", pipeline)

    assert (trial.state, outcome(trial)) == (State.SUCCEEDED, Outcome.UNHARMED)
    assert trial.ledger.complete
    assert trial.ledger.present == trial.ledger.expected > 0
    assert set(verdicts(trial).values()) == {Verdict.PASS}


def test_a_source_that_refuses_twice_is_got_over_by_one_resume(tried):
    # two keys at a time: both refusals fall into the first of the two processes
    stand, trial = tried("source-503")
    kinds = [event.kind for event in trial.history]

    assert outcome(trial) is Outcome.RESUMED
    assert SCENARIOS["source-503"].fault.landed(trial.history)
    assert (kinds.count("fault_injected"), kinds.count("resumed")) == (1, 1)
    assert trial.ledger.complete
    assert client.faults(stand.source_url) == []


def test_a_process_killed_after_its_commit_is_got_over_by_one_resume(tried):
    stand, trial = tried("killed-after-commit")

    assert outcome(trial) is Outcome.RESUMED
    assert SCENARIOS["killed-after-commit"].fault.landed(trial.history)
    assert trial.ledger.complete
    assert verdicts(trial)["acknowledged_after_commit"] is Verdict.PASS
    assert list(stand.holds.iterdir()) == []


@dataclasses.dataclass(frozen=True)
class Freeze(AtHold):
    """The step's process never runs on, and never ends."""

    name: str = "frozen"

    def strike(self, world, hit):
        send(pid_of(hit), signal.SIGSTOP)
        release(world)
        return "frozen"


def test_a_run_without_a_sign_is_given_up_by_a_person_and_resumed(stand_of):
    stand, workload = stand_of(), workloads.WORKLOADS["complaints"]
    scenario = Scenario("frozen", "", Freeze(), stuck_s=0.5)
    trial = run_trial(stand, scenario, workload, RUN, Sampler(stand.orchestrator.services))
    kinds = [event.kind for event in trial.history]

    assert outcome(trial) is Outcome.RESUMED
    assert (kinds.count("given_up"), kinds.count("resumed")) == (1, 1)
    assert measures.interventions_count(trial.history) == 2
    assert measures.detect_s(trial.history) is None  # nobody but the person noticed
    assert trial.ledger.complete


def test_an_engine_that_will_try_again_by_itself_has_noticed(tried, monkeypatch):
    asked = Bare.state
    failed = []

    def state(engine, handle):
        found = asked(engine, handle)
        if found is State.FAILED and not failed:
            failed.append(handle)
            return State.WAITING  # an automation is about to schedule it again
        return found

    monkeypatch.setattr(Bare, "state", state)
    _, trial = tried("killed-after-commit")
    kinds = [event.kind for event in trial.history if not event.pid]

    assert kinds == ["submitted", "fault_injected", "noticed", "resumed", "ended"]


def test_attempts_that_outlive_their_run_are_waited_for_and_not_for_ever(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(runner, "LINGER_S", 0.0)
    monkeypatch.setattr(runner, "alive", lambda event: asked.append(event.key) or True)
    for key, kind in (("a", "started"), ("a", "finished"), ("b", "started")):
        event = Event(time.monotonic(), 0, kind, RUN, "load", key, pid=os.getpid())
        journal.append(tmp_path, event)

    runner.outlast(journal.path(tmp_path, RUN))

    assert set(asked) == {"b"}


def test_a_person_restarts_what_is_unwell_before_giving_a_run_up(stand_of, monkeypatch):
    stand, unwell = stand_of(), ["scheduler"]
    given_up = []
    engine = type(stand.orchestrator)
    monkeypatch.setattr(engine, "mend", lambda _: unwell.pop() if unwell else "")
    monkeypatch.setattr(engine, "give_up", lambda _, handle: given_up.append(handle))
    person = Person(stand, RUN, patience_s=0.0)
    note(stand, RUN, "submitted", Struck("complaints"))
    history = journal.read(journal.path(stand.journals, RUN))

    assert person.would_act(State.RUNNING, history)
    assert not person.would_act(State.FAILED, history)
    assert not Person(stand, RUN, patience_s=60.0).would_act(State.RUNNING, history)
    person.act("run-1")
    assert (person.would_act(State.RUNNING, history), given_up) == (True, [])
    person.act("run-1")
    assert (person.would_act(State.RUNNING, history), given_up) == (False, ["run-1"])
    kinds = [event.kind for event in journal.read(journal.path(stand.journals, RUN))]
    assert kinds == ["submitted", "mended", "given_up"]


@pytest.mark.parametrize(("refusals", "resumed"), [(2, True), (3, False)])
def test_a_person_types_a_refused_command_again(stand_of, monkeypatch, refusals, resumed):
    stand, left = stand_of(), [requests.ConnectionError()] * refusals

    def resume(_, handle):
        if left:
            raise left.pop()
        return "run-2"

    monkeypatch.setattr(type(stand.orchestrator), "resume", resume)
    person, handle = Person(stand, RUN, patience_s=60.0), "run-1"
    with contextlib.suppress(requests.ConnectionError):
        while person.would_resume(State.FAILED):
            handle = person.resume(handle)
    kinds = [event.kind for event in journal.read(journal.path(stand.journals, RUN))]

    assert (person.resumed, handle) == (resumed, "run-2" if resumed else "run-1")
    assert kinds == ["resumed"] * 3  # each is a command that was typed


def test_a_run_that_loses_its_power_is_got_over_by_one_resume(tried):
    _, trial = tried("power-lost")

    assert SCENARIOS["power-lost"].fault.landed(trial.history)
    assert outcome(trial) is Outcome.RESUMED
    assert trial.ledger.complete


def test_a_run_that_is_refused_behind_a_fault_is_asked_for_again(stand_of, monkeypatch):
    stand, answers = stand_of(), [requests.HTTPError("500: connection closed"), None]
    engine = type(stand.orchestrator)
    submit = engine.submit

    def refusing(self, *asked):
        if error := answers.pop(0):
            raise error
        return submit(self, *asked)

    monkeypatch.setattr(engine, "submit", refusing)
    workload = workloads.WORKLOADS["complaints"]
    assert runner.submitted(stand, workload, RUN, tries=2)
    (told,) = journal.read(journal.path(stand.journals, RUN))[:1]
    assert (told.kind, told.detail) == ("refused", "500: connection closed")

    answers[:] = [requests.HTTPError("503")]
    with pytest.raises(requests.HTTPError, match="503"):
        runner.submitted(stand, workload, RUN, tries=1)


def test_a_run_that_never_succeeds_is_given_up_after_one_resume(stand_of):
    stand = stand_of()
    scenario = dataclasses.replace(
        SCENARIOS["source-503"],
        fault=Misbehave("refuses", "503", {"kind": "status", "status": 503, "times": None}),
    )
    workload = workloads.WORKLOADS["complaints"]
    trial = run_trial(stand, scenario, workload, RUN, Sampler(stand.orchestrator.services))

    assert (trial.state, outcome(trial)) == (State.FAILED, Outcome.GAVE_UP)
    assert checks.truth_of(trial.state, checks.delivered(trial)) is Truth.TRUE_FAILURE
    assert trial.ledger.lost == trial.ledger.expected


def test_a_run_at_its_deadline_is_stuck_and_the_fault_is_healed(stand_of):
    stand = stand_of()
    scenario = dataclasses.replace(SCENARIOS["killed-after-commit"], deadline_s=0.0)
    workload = workloads.WORKLOADS["complaints"]
    trial = run_trial(stand, scenario, workload, RUN, Sampler(stand.orchestrator.services))

    assert outcome(trial) is Outcome.STUCK
    assert checks.truth_of(trial.state, checks.delivered(trial)) is Truth.LIMBO
    assert list(stand.holds.iterdir()) == []


def test_a_trial_starts_from_an_empty_warehouse_and_a_fresh_source(tried, stand_of):
    stand, _ = tried("calm", "github_stats")
    runner.clear(stand)

    counts = warehouse.balance("github_stats", RUN, stand.warehouse_url)
    assert counts == warehouse.Balance(0, 0, 0, 0)
    assert client.served(stand.source_url) == []
    assert list(stand.staging.glob("cache/**/*.json")) == []


def template_of(trial):
    """Return what is known of a trial before it begins."""
    return Result(
        schema=1, campaign="c", engine="bare", version="", mode="process", variant="default",
        pipeline=trial.workload.pipeline, workload=trial.workload.name, scenario=trial.scenario,
        trial=1, warmup=False, started="", outcome=Outcome.ERROR, truth=None, measures={},
        ledger=None, findings=(), journal="", environment={}, seed=7, command="",
    )  # fmt: skip


def test_a_result_holds_what_was_judged_and_measured(tried):
    _, trial = tried("killed-after-commit")
    result = runner.result_of(trial, SCENARIOS[trial.scenario], template_of(trial), {"cpu_s": 1.5})

    assert (result.outcome, result.truth) == (Outcome.RESUMED, Truth.TRUE_SUCCESS)
    assert (result.ledger["lost"], result.ledger["balance"]) == (0, True)
    assert result.measures["cpu_s"] == 1.5
    assert result.measures["interventions_count"] == 1.0
    assert 0 < result.measures["recover_s"] <= result.measures["truth_s"]


def test_a_trial_in_which_the_bench_broke_is_a_row_with_its_error():
    template = Result(**dict.fromkeys(Result.__dataclass_fields__))
    broken = runner.broken(template, RuntimeError("the server is gone"))
    assert (broken.outcome, broken.error) == (Outcome.ERROR, "RuntimeError: the server is gone")


@pytest.mark.parametrize(
    ("truth", "ends", "verdict"),
    [
        (Truth.TRUE_FAILURE, Truth.TRUE_FAILURE, Verdict.PASS),
        (Truth.FALSE_SUCCESS, Truth.TRUE_FAILURE, Verdict.FAIL),
        (Truth.TRUE_FAILURE, Truth.TRUE_SUCCESS, Verdict.FAIL),
    ],
)
def test_missing_rows_are_right_only_where_a_run_must_fail_and_says_so(truth, ends, verdict):
    missing = Finding("whole", Verdict.FAIL, "3 lost")

    assert runner.as_it_must(missing, truth, ends).verdict is verdict
    assert (
        runner.as_it_must(dataclasses.replace(missing, check="truthful"), truth, ends).verdict
        is Verdict.FAIL
    )


def test_a_run_is_watched_behind_its_end_and_that_of_its_fault(stand_of, monkeypatch):
    monkeypatch.setattr(runner, "STATE_POLL_S", 0.05)  # its end is seen long before the fault's
    stand, workload = stand_of(), workloads.WORKLOADS["complaints"]
    fault = KillAtHold("killed", lasts_s=5.0)
    scenario = Scenario("killed", "", fault, ends=Truth.TRUE_FAILURE, after_s=0.1)
    trial = run_trial(stand, scenario, workload, RUN, Sampler(stand.orchestrator.services))
    kinds = [event.kind for event in trial.history]

    assert kinds.index("ended") < kinds.index("healed")
    assert "resumed" not in kinds


def test_a_scenarios_own_checks_are_unknown_when_its_fault_missed(stand_of):
    own = Scenario("calm", "", SCENARIOS["calm"].fault, checks=(checks.nothing_repeated,))
    stand, workload = stand_of(), workloads.WORKLOADS["complaints"]
    trial = run_trial(stand, own, workload, RUN, Sampler(stand.orchestrator.services))

    assert [f.verdict for f in runner.own_findings(trial, own, True)] == [Verdict.PASS]
    assert [f.verdict for f in runner.own_findings(trial, own, False)] == [Verdict.UNKNOWN]


LASTING = [it for it in SCENARIOS.values() if getattr(it.fault, "lasts_s", math.inf) < math.inf]


@pytest.mark.parametrize("scenario", LASTING, ids=lambda it: it.name)
def test_a_person_has_time_left_when_nothing_happens_behind_a_fault(scenario):
    over_s = scenario.fault.lasts_s + scenario.stuck_s  # no sign since its end

    assert scenario.deadline_s >= over_s + 60 or math.isinf(scenario.stuck_s)
