"""Several runs at once, on `bare`: every one is submitted, watched and judged."""

from dataclasses import replace

import pytest
import requests
from test_runner import template_of

from benchmarks import together, workloads
from benchmarks.model import Outcome, State, Told, Truth, Verdict
from benchmarks.orchestrators.bare import Bare
from benchmarks.sampling import Sampler
from benchmarks.scenarios import SCENARIOS
from shared.synthetic import keys

CALM = replace(SCENARIOS["calm"], deadline_s=0.0)  # the workload says how long they may take
WORKLOAD = workloads.together(workloads.chain(3), 4)


@pytest.fixture
def tried(stand_of):
    """Return a function that takes four runs of a chain to their end or a deadline on `bare`."""

    def trials(workload=WORKLOAD):
        stand = stand_of()
        sampler = Sampler(stand.orchestrator.services)
        return stand, together.run_trials(stand, CALM, workload, "r", sampler)

    return trials


def verdicts(result):
    return {finding.check: finding.verdict for finding in result.findings}


def test_every_run_does_its_work_under_its_own_id(tried):
    _, trials = tried()

    assert [trial.run for trial in trials] == ["r-01", "r-02", "r-03", "r-04"]
    assert {trial.state for trial in trials} == {State.SUCCEEDED}
    for trial in trials:
        assert {event.run for event in trial.history} == {trial.run}
        assert [e.key for e in trial.history if e.kind == "finished"] == keys(3)
    triggers = [trial.history[0].at for trial in trials]
    first_end = min(trial.history[-1].at for trial in trials)
    assert max(triggers) < first_end, "all were submitted before the first had ended"


def test_runs_that_all_worked_are_one_sound_result_with_their_throughput(tried):
    _, trials = tried()
    result = together.result_of(trials, template_of(trials[0]), {"cpu_s": 1.5})

    assert (result.outcome, result.truth) == (Outcome.UNHARMED, Truth.TRUE_SUCCESS)
    assert set(verdicts(result).values()) == {Verdict.PASS}
    assert result.measures["cpu_s"] == 1.5
    assert result.measures["run_makespan_max_s"] <= result.measures["makespan_s"]
    assert 25 <= result.measures["fairness_percent"] <= 100


def test_a_result_is_as_good_as_the_worst_run_and_names_it(tried):
    _, trials = tried()
    lazy = replace(trials[2], history=trials[2].history[:-3])
    result = together.result_of([*trials[:2], lazy, trials[3]], template_of(trials[0]), {})

    assert (result.outcome, result.truth) == (Outcome.UNHARMED, Truth.FALSE_SUCCESS)
    assert verdicts(result)["worked"] is Verdict.FAIL
    told = next(it.reason for it in result.findings if it.check == "worked")
    assert told.startswith("1 of 4 runs; r-03: ")


def test_what_the_engine_says_of_one_run_is_told(tried):
    _, trials = tried()
    failed = replace(trials[1], state=State.FAILED, told=Told(why="no slot"))
    result = together.result_of([trials[0], failed], template_of(trials[0]), {})

    assert result.outcome is Outcome.GAVE_UP
    told = {it.check: it.reason for it in result.findings}
    assert told["engine_says"] == "1 of 2 runs; r-02: no slot"


def test_runs_at_the_deadline_are_stuck_and_so_is_the_trial(tried):
    stand, trials = tried(replace(WORKLOAD, deadline_s=0.0))
    result = together.result_of(trials, template_of(trials[0]), {})

    assert (result.outcome, result.truth) == (Outcome.STUCK, Truth.LIMBO)
    assert [trial.history[-1].kind for trial in trials] == ["ended"] * 4


class Refusing(Bare):
    def submit(self, pipeline, run, parameters):
        if run.endswith("-02"):
            raise requests.ConnectionError("no room")
        return super().submit(pipeline, run, parameters)


def test_a_run_that_is_not_accepted_is_an_answer_and_the_others_go_on(stand_of):
    stand = stand_of()
    engine = Refusing(stand.orchestrator.setup, stand.orchestrator.surroundings)
    refusing = replace(stand, orchestrator=engine)
    trials = together.run_trials(refusing, CALM, WORKLOAD, "r", Sampler(engine.services))
    engine.stop()
    result = together.result_of(trials, template_of(trials[0]), {})

    assert [trial.state.value for trial in trials] == [
        "succeeded", "failed", "succeeded", "succeeded",
    ]  # fmt: skip
    assert (result.outcome, result.truth) == (Outcome.GAVE_UP, Truth.TRUE_FAILURE)
    told = {it.check: it.reason for it in result.findings}
    assert told["engine_says"] == "1 of 4 runs; r-02: not accepted: no room"
    assert trials[1].history[-1].kind == "ended"


def test_one_run_alone_has_the_id_of_its_trial():
    assert together.names("r", 1) == ["r"]
