"""What the source does wrong: when it shows, what must arrive all the same, and who waits."""

import pytest
from histories import history, trial

from benchmarks import checks, workloads
from benchmarks.faults.source import (
    asked_once,
    poisoned_ids,
    waits_s,
    without_first_day,
    without_poisoned,
)
from benchmarks.model import Outcome, State, Truth, Verdict
from benchmarks.runner import run_trial
from benchmarks.sampling import Sampler
from benchmarks.scenarios import SCENARIOS, SOURCE
from benchmarks.source import client

COMPLAINTS = workloads.WORKLOADS["complaints"]
BEFORE = ((0, "submitted", ""), (1, "started", "extract"))
REFUSED = (*BEFORE, (2, "failed", "extract"))
QUIET = ("records-poisoned", "field-gone", "field-retyped")  # no step fails


@pytest.mark.parametrize("scenario", SOURCE, ids=lambda scenario: scenario.name)
def test_it_is_due_when_an_extraction_shows_it(scenario):
    shown = "finished" if scenario.name in QUIET else "failed"

    assert not scenario.fault.due(history(*BEFORE))
    assert scenario.fault.due(history(*BEFORE, (2, shown, "extract")))


@pytest.mark.parametrize(
    ("later", "verdict"),
    [
        (((7, "started", "extract"),), Verdict.PASS),
        (((4, "started", "extract"),), Verdict.FAIL),
        (((4, "started", "extract:other"),), Verdict.PASS),
        (((3, "resumed", ""), (4, "started", "extract")), Verdict.PASS),
    ],
)
def test_a_limit_is_waited_for_where_nobody_steps_in(later, verdict):
    assert waits_s(5)(trial(*REFUSED, *later)).verdict is verdict


def test_without_a_refusal_nobody_can_say_who_waits_or_asks_again():
    assert waits_s(5)(trial(*BEFORE)).verdict is Verdict.UNKNOWN
    assert asked_once(trial(*BEFORE)).verdict is Verdict.UNKNOWN


def test_what_is_final_is_asked_for_once():
    assert asked_once(trial(*REFUSED)).verdict is Verdict.PASS
    assert asked_once(trial(*REFUSED, (3, "started", "extract"))).verdict is Verdict.FAIL


def test_what_is_invalid_is_expected_in_quarantine_and_not_in_the_summary():
    whole, less = workloads.expected(COMPLAINTS), without_poisoned(COMPLAINTS)
    ids = {row["complaint_id"] for row in less.rows["complaints"]}

    assert less.quarantined == len(poisoned_ids(COMPLAINTS)) == 4
    assert len(ids) == len(whole.rows["complaints"]) - 4
    assert not ids & poisoned_ids(COMPLAINTS)
    assert sum(row["complaints"] for row in less.rows["complaint_summary"]) == len(ids)


def test_a_day_whose_records_are_all_invalid_is_expected_to_be_empty():
    less = without_first_day(COMPLAINTS)

    assert {row["date_received"] for row in less.rows["complaints"]} == set(COMPLAINTS.keys[1:])
    assert less.quarantined == workloads.COMPLAINTS_PER_DAY


@pytest.fixture
def tried(stand_of):
    """Return a function that takes a scenario's own workload through it, on `bare`."""

    def one(name):
        stand, scenario = stand_of(), SCENARIOS[name]
        workload = workloads.named(scenario.workload or "complaints")
        done = run_trial(stand, scenario, workload, "r", Sampler(stand.orchestrator.services))
        own = [check(done).verdict for check in scenario.checks]
        assert client.faults(stand.source_url) == []
        return done, scenario, own

    return one


@pytest.mark.parametrize("name", ["source-429", "github-limit", "json-cut-off", "json-invalid"])
def test_what_ends_is_got_over_by_one_resume(tried, name):
    done, scenario, own = tried(name)

    assert scenario.fault.landed(done.history)
    assert checks.outcome_of(done.state, done.history) is Outcome.RESUMED
    assert done.ledger.complete
    assert Verdict.FAIL not in own


@pytest.mark.parametrize("name", QUIET)
def test_what_is_invalid_is_put_aside_and_counted(tried, name):
    done, scenario, _ = tried(name)

    assert scenario.fault.landed(done.history)
    assert (done.state, done.ledger.complete) == (State.SUCCEEDED, True)
    assert done.ledger.quarantined in (4, workloads.COMPLAINTS_PER_DAY)


def test_a_quota_that_is_used_up_ends_as_the_failure_that_it_is(tried):
    done, scenario, own = tried("youtube-quota")
    truth = checks.truth_of(done.state, checks.delivered(done))

    assert truth is scenario.ends is Truth.TRUE_FAILURE
    assert own == [Verdict.PASS]
    assert "resumed" not in {event.kind for event in done.history}
