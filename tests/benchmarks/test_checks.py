from dataclasses import replace

import pytest
from histories import COMPLETE, history, trial

from benchmarks import checks
from benchmarks.model import Outcome, State, Stored, Told, Truth, Verdict, Workload
from benchmarks.workloads import chain
from shared.journal import Event

LOADED = (
    (1, "started", "load"), (2, "committed", "load"), (3, "finished", "load"),
)  # fmt: skip


def test_a_warehouse_that_equals_the_truth_is_whole():
    assert checks.whole(trial()).verdict is Verdict.PASS


@pytest.mark.parametrize("count", ["lost", "unexpected", "duplicated"])
def test_a_row_too_few_too_many_or_doubled_is_not_whole(count):
    found = checks.whole(trial(ledger=replace(COMPLETE, **{count: 2})))

    assert (found.verdict, found.reason) == (Verdict.FAIL, f"2 {count}")


def test_counts_that_add_up_are_balanced():
    assert checks.balanced(trial()).verdict is Verdict.PASS


def test_counts_that_are_off_are_not_balanced():
    found = checks.balanced(trial(ledger=replace(COMPLETE, balance=False)))

    assert (found.verdict, found.reason) == (Verdict.FAIL, "the stored counts are off")


def test_success_with_every_row_is_truthful():
    assert checks.truthful(trial()).verdict is Verdict.PASS


def test_success_with_a_lost_row_is_not_truthful():
    found = checks.truthful(trial(ledger=replace(COMPLETE, lost=1)))

    assert (found.verdict, found.reason) == (Verdict.FAIL, "false_success")


def test_a_warehouse_that_was_not_read_leaves_checks_unknown():
    unread = trial(ledger=None)

    found = {checks.whole(unread), checks.balanced(unread), checks.truthful(unread)}
    assert {finding.verdict for finding in found} == {Verdict.UNKNOWN}


@pytest.mark.parametrize(
    ("steps", "verdict", "told"),
    [
        (Stored(1, 1, 0.1), Verdict.PASS, "1 of 1 steps"),
        (Stored(2, 2, 0.1), Verdict.PASS, "2 of 1 steps"),  # an engine has steps of its own
        (Stored(0, 0, 180), Verdict.FAIL, "0 of 1 steps; 0 when it was asked for 180 s"),
        (Stored(0, 1, 52), Verdict.FAIL, "0 of 1 steps; 1 when it was asked for 52 s"),
        (Stored(None, 1, 31), Verdict.UNKNOWN, "the engine did not say"),
        (None, Verdict.UNKNOWN, "the engine did not say"),
    ],
)
def test_each_step_that_finished_is_in_the_engines_own_history(steps, verdict, told):
    done = replace(trial(*LOADED, *LOADED), told=Told(steps=steps))
    found = checks.recorded(done)

    assert (found.verdict, found.reason) == (verdict, told)
    asked = {it.check for it in checks.judge(done, landed=True)}
    assert ("recorded" in asked) == (steps is not None)


def test_a_load_that_commits_and_then_finishes_acknowledged_after_its_commit():
    assert checks.acknowledged_after_commit(trial(*LOADED)).verdict is Verdict.PASS


@pytest.mark.parametrize(
    "early",
    [
        [(1, "started", "load"), (2, "finished", "load"), (3, "committed", "load")],
        [(1, "started", "load"), (2, "finished", "load")],
        [(1, "committed", "load:other"), (2, "finished", "load")],
    ],
)
def test_a_load_that_finishes_without_its_own_commit_before_acknowledged_too_early(early):
    found = checks.acknowledged_after_commit(trial(*early))

    assert (found.verdict, found.reason) == (Verdict.FAIL, "[('load', 'k')]")


def test_a_step_started_again_after_it_failed_is_not_repeated():
    told = trial((1, "started", "load"), (2, "failed", "load"), (3, "started", "load"))

    assert checks.nothing_repeated(told).verdict is Verdict.PASS


def test_a_step_started_again_after_it_finished_is_repeated():
    found = checks.nothing_repeated(trial(*LOADED, (4, "started", "load"), (5, "failed", "load")))

    assert (found.verdict, found.reason) == (Verdict.FAIL, "1 steps: [('load', 'k')]")


def test_a_step_of_another_key_is_not_a_repetition():
    assert checks.repeated(history(*LOADED, (4, "started", "load:other"))) == []


def test_every_check_is_asked_when_the_fault_landed():
    findings = checks.judge(trial(*LOADED), landed=True)

    assert [f.check for f in findings] == ["landed", *checks.CHECKS]
    assert {f.verdict for f in findings} == {Verdict.PASS}


def test_nothing_is_known_when_the_fault_missed():
    findings = checks.judge(trial(*LOADED), landed=False)

    assert [f.check for f in findings] == ["landed", *checks.CHECKS]
    assert {f.verdict for f in findings} == {Verdict.UNKNOWN}


@pytest.mark.parametrize(
    ("state", "lost", "truth"),
    [
        (State.SUCCEEDED, 0, Truth.TRUE_SUCCESS),
        (State.SUCCEEDED, 1, Truth.FALSE_SUCCESS),
        (State.FAILED, 1, Truth.TRUE_FAILURE),
        (State.FAILED, 0, Truth.FALSE_FAILURE),
        (State.RUNNING, 0, Truth.LIMBO),
        (State.WAITING, 1, Truth.LIMBO),
        (None, 0, None),
    ],
)
def test_the_final_state_is_held_against_the_ledger(state, lost, truth):
    assert checks.truth_of(state, replace(COMPLETE, lost=lost).complete) is truth


@pytest.mark.parametrize(
    ("told", "state", "outcome"),
    [
        (LOADED, State.SUCCEEDED, Outcome.UNHARMED),
        ([(1, "started", "load"), (2, "failed", "load")], State.SUCCEEDED, Outcome.SELF_HEALED),
        ([(1, "started", "load"), (2, "started", "load")], State.SUCCEEDED, Outcome.SELF_HEALED),
        ([*LOADED, (4, "noticed", "")], State.SUCCEEDED, Outcome.SELF_HEALED),
        ([*LOADED, (4, "resumed", "")], State.SUCCEEDED, Outcome.RESUMED),
        ([*LOADED, (4, "resumed", "")], State.FAILED, Outcome.GAVE_UP),
        (LOADED, State.RUNNING, Outcome.STUCK),
        (LOADED, State.WAITING, Outcome.STUCK),
        (LOADED, None, Outcome.ERROR),
    ],
)
def test_how_a_trial_ended_is_said_in_one_word(told, state, outcome):
    assert checks.outcome_of(state, history(*told)) is outcome


def worked(pipeline, *finished, parameters=None):
    """Return what `worked` says of such a run."""
    return checks.worked(synthetic_trial(pipeline, *finished, parameters=parameters))


def synthetic_trial(pipeline, *finished, parameters=None):
    """Return the trial of a run of three steps, of whose ends key and detail are given."""
    asked = {"steps": 3, "kind": "noop", "amount": 0, **(parameters or {})}
    events = [
        Event(n, n, "finished", "r", "work", key, detail=detail)
        for n, (key, detail) in enumerate(finished)
    ]
    return replace(
        trial(ledger=None),
        workload=Workload("three", pipeline, asked, ("0001", "0002", "0003")),
        history=tuple(events),
    )


def said(value, previous=None):
    return f"{value:04d}", {"value": value, "previous": previous}


def test_steps_with_their_values_have_worked_in_any_order():
    found = worked("fanout", said(2), said(1), said(3))

    assert (found.verdict, found.reason) == (Verdict.PASS, "3 steps")


def test_a_chain_has_worked_when_each_value_was_handed_on():
    assert worked("chain", said(1), said(2, 1), said(3, 2)).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("again", "whole"), [([], True), ([said(3, 2)], True), ([said(3, 1)], False)]
)
def test_a_step_that_was_done_again_is_no_loss_unless_it_has_another_value(again, whole):
    told = synthetic_trial("chain", said(1), said(2, 1), said(3, 2), *again)

    assert checks.delivered(told) is whole
    assert (checks.worked(told).verdict is Verdict.PASS) is (not again)


@pytest.mark.parametrize(
    "finished",
    [
        [said(1), said(2, 1)],
        [said(1), said(2, 1), said(3)],
        [said(1), said(2, 1), said(3, 1)],
        [said(1), said(2, 1), said(3, 2), said(3, 2)],
        [said(1), said(2, 1), said(3, 2), said(4, 3)],
        [said(1), said(2, 1), ("0003", {"value": 4, "previous": 2})],
        [said(1), said(2, 1), ("0003", None)],
    ],
    ids=["missing", "not handed on", "wrong hand-over", "twice", "stranger", "wrong", "silent"],
)
def test_a_chain_in_which_one_step_is_off_has_not_worked(finished):
    found = worked("chain", *finished)

    assert found.verdict is Verdict.FAIL
    assert found.reason.startswith("1 steps: ")


def test_a_synthetic_pipeline_is_judged_without_a_warehouse():
    told = replace(trial(ledger=None), workload=chain(1, "fib", 10))

    findings = checks.judge(told, landed=True)

    assert [f.check for f in findings] == ["landed", *checks.SYNTHETIC_CHECKS]
