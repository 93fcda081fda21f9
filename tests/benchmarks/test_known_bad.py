"""The checks are checked: pipelines that are wrong in a known way must be caught."""

import pytest
from known_bad import drop_the_key

from benchmarks import checks, verify, workloads
from benchmarks.faults import KillAtHold
from benchmarks.model import Outcome, Scenario, State, Truth, Verdict
from benchmarks.runner import run_trial
from benchmarks.sampling import Sampler
from benchmarks.scenarios import SCENARIOS

KILLED_AFTER_ACKNOWLEDGEMENT = Scenario("killed", "", KillAtHold(kind="finished"))


@pytest.fixture
def tried(stand_of):
    """Return a function that takes the complaints through a scenario in a known-bad way."""

    def trial(how, scenario=SCENARIOS["calm"]):
        stand = stand_of(how)
        if how == "AppendsWithoutKey":
            drop_the_key(stand.warehouse_url)
        workload = workloads.WORKLOADS["complaints"]
        sampler = Sampler(stand.orchestrator.services)
        return run_trial(stand, scenario, workload, "run-1", sampler)

    return trial


def verdicts(trial):
    return {finding.check: finding.verdict for finding in checks.judge(trial, landed=True)}


def test_the_right_steps_pass_by_the_same_way(tried):
    trial = tried("Right")

    assert verify.problems(trial) == []
    assert trial.ledger.complete


def test_what_appends_without_a_key_is_caught_when_it_runs_again(tried):
    trial = tried("AppendsWithoutKey", SCENARIOS["killed-after-commit"])

    assert trial.ledger.duplicated > 0
    assert not trial.ledger.complete
    assert verdicts(trial)["whole"] is Verdict.FAIL
    assert checks.truth_of(trial.state, checks.delivered(trial)) is Truth.FALSE_SUCCESS


def test_what_swallows_an_error_is_caught_as_a_false_success(tried):
    trial = tried("SwallowsErrors", SCENARIOS["source-503"])

    assert trial.state is State.SUCCEEDED
    assert trial.ledger.lost > 0
    assert checks.truth_of(trial.state, checks.delivered(trial)) is Truth.FALSE_SUCCESS
    assert (verdicts(trial)["whole"], verdicts(trial)["truthful"]) == (Verdict.FAIL, Verdict.FAIL)


def test_what_acknowledges_before_it_commits_is_caught_though_every_row_is_there(tried):
    trial = tried("AcknowledgesBeforeItCommits")

    assert trial.ledger.complete
    assert verdicts(trial)["acknowledged_after_commit"] is Verdict.FAIL
    assert any("acknowledged_after_commit" in problem for problem in verify.problems(trial))


def test_what_acknowledges_before_it_commits_and_is_killed_loses_rows(tried):
    unharmed = tried("BelievesItsAcknowledgement")
    trial = tried("BelievesItsAcknowledgement", KILLED_AFTER_ACKNOWLEDGEMENT)

    assert unharmed.ledger.complete
    assert checks.outcome_of(trial.state, trial.history) is Outcome.RESUMED
    assert trial.ledger.lost >= workloads.COMPLAINTS_PER_DAY
    assert checks.truth_of(trial.state, checks.delivered(trial)) is Truth.FALSE_SUCCESS
    assert verdicts(trial)["acknowledged_after_commit"] is Verdict.FAIL
