"""The checks are checked: pipelines that are wrong in a known way must be caught."""

import pytest

from benchmarks import checks, known_bad, verify, workloads
from benchmarks.known_bad import AFTER_ACKNOWLEDGEMENT, CASES
from benchmarks.model import Finding, Outcome, State, Truth, Verdict
from benchmarks.runner import run_trial
from benchmarks.sampling import Sampler
from benchmarks.scenarios import SCENARIOS
from benchmarks.setups import SETUPS


@pytest.fixture
def tried(stand_of):
    """Return a function that takes the complaints through a scenario in a known-bad way."""

    def trial(how, scenario=SCENARIOS["calm"]):
        stand = stand_of(how)
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
    trial = tried("BelievesItsAcknowledgement", AFTER_ACKNOWLEDGEMENT)

    assert unharmed.ledger.complete
    assert checks.outcome_of(trial.state, trial.history) is Outcome.RESUMED
    assert trial.ledger.lost >= workloads.COMPLAINTS_PER_DAY
    assert checks.truth_of(trial.state, checks.delivered(trial)) is Truth.FALSE_SUCCESS
    assert verdicts(trial)["acknowledged_after_commit"] is Verdict.FAIL


def test_what_writes_after_its_end_is_caught_by_its_late_rows(tried):
    trial = tried("WritesAfterItsEnd")

    assert trial.state is State.SUCCEEDED
    assert trial.ledger.late == trial.ledger.written >= 2 * workloads.COMPLAINTS_PER_DAY
    assert verdicts(trial)["nothing_late"] is Verdict.FAIL


@pytest.mark.parametrize(
    ("findings", "verdict", "reason"),
    [
        ([Finding("whole", Verdict.FAIL, "3 lost")], Verdict.PASS, "by the check whole: 3 lost"),
        ([Finding("whole", Verdict.PASS)], Verdict.FAIL, "the check whole says pass"),
        ([Finding("whole", Verdict.UNKNOWN)], Verdict.UNKNOWN, "the check whole says unknown"),
        ([Finding("truthful", Verdict.FAIL)], Verdict.FAIL, "the check whole was not asked"),
    ],
)
def test_only_the_check_that_is_meant_for_it_catches_a_known_bad_pipeline(
    findings, verdict, reason
):
    found = known_bad.caught(CASES["appends-without-key"], findings)

    assert found == Finding("caught", verdict, reason)


def test_a_check_that_cannot_fail_is_found_out(tried, monkeypatch):
    name = "acknowledged_after_commit"
    monkeypatch.setitem(checks.CHECKS, name, lambda trial: Finding(name, Verdict.PASS))
    trial = tried("AcknowledgesBeforeItCommits")
    found = known_bad.caught(
        CASES["acknowledges-before-it-commits"], checks.judge(trial, landed=True)
    )

    assert found.verdict is Verdict.FAIL


def test_known_bad_pipelines_have_names_that_no_setup_has():
    names = {case.setup.name for case in CASES.values()}

    assert len(names) == len(CASES)
    assert not names & set(SETUPS)
    assert {name.split("/")[0] for name in names} == {"known-bad"}
