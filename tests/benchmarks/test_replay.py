"""A trial that is done again: which one, and what is said of the two."""

from dataclasses import replace

import pytest
from histories import history

from benchmarks import replay
from benchmarks.model import Outcome, Truth
from shared.journal import Event
from tests.report import made_up

FIRST, SECOND = (
    made_up.result("airflow", "tuned", "complaints", "calm", 1),
    made_up.result("airflow", "tuned", "complaints", "killed-after-commit", 1),
)


def test_a_trial_is_found_by_its_name_or_by_its_line():
    found = [FIRST, SECOND]

    assert replay.find(found, "airflow-local-tuned-complaints-killed-after-commit-1") is SECOND
    assert replay.find(found, "2") is SECOND


def test_of_a_trial_that_broke_and_was_done_again_the_last_is_found():
    broken = replace(FIRST, outcome=Outcome.ERROR, error="no port")

    assert replay.find([broken, FIRST], "airflow-local-tuned-complaints-calm-1") is FIRST


@pytest.mark.parametrize("name", ["3", "0", "airflow-local-tuned-complaints-clam-1"])
def test_a_name_that_no_trial_has_is_answered_by_what_there_is(name):
    with pytest.raises(LookupError, match=f"no trial is called {name}, and there are 2 lines"):
        replay.find([FIRST, SECOND], name)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mode": "gone"}, "airflow/gone/tuned is no longer a setup"),
        ({"scenario": "meteor"}, "meteor is no longer a scenario"),
        ({"workload": "9-days"}, "was asked to do 9-days; it is 2-days now"),
        ({"engine": "known-bad", "mode": "gone"}, "known-bad/gone/tuned is no longer"),
    ],
)
def test_what_is_no_longer_there_cannot_be_replayed(tmp_path, change, words):
    with pytest.raises(LookupError, match=words):
        replay.replay(None, tmp_path, replace(FIRST, **change), metadata="sqlite", warehouse="")


def test_a_history_is_told_in_seconds_from_the_trigger():
    told = history(
        (10, "submitted", "two-days"), (11, "started", "load"), (13, "fault_injected", "load"),
        (14.5, "finished", "load:other"), (16, "ended", "succeeded"),
    )  # fmt: skip

    assert [at for at, _ in replay.moments(told)] == [0, 1, 3, 4.5, 6]
    assert [words for _, words in replay.moments(told)][1:4] == [
        "started load k",
        "fault_injected load k",
        "finished load other",
    ]
    assert replay.moments(told)[-1][1].endswith("(succeeded)")
    assert replay.moments(()) == []


def test_a_second_start_is_told_as_a_second_attempt():
    pair = [Event(at, at, "started", "r", "load", "k", n, pid=5) for at, n in ((1, 1), (2, 2))]

    assert [words for _, words in replay.moments(pair)] == [
        "started load k",
        "started load k attempt 2",
    ]


def test_two_trials_agree_when_outcome_and_truth_are_the_same():
    same = replay.Replayed(FIRST, replace(FIRST, trial=9), (), ())
    other = replay.Replayed(FIRST, replace(FIRST, truth=Truth.LIMBO), (), ())

    assert same.agrees and not other.agrees
    assert replay.compared(same)[0].endswith(", again")
    assert replay.compared(other)[1].endswith("and now limbo")


def test_a_replay_that_broke_says_why():
    broke = replace(FIRST, outcome=Outcome.ERROR, truth=None, error="no port")

    assert replay.compared(replay.Replayed(FIRST, broke, (), ()))[-1] == "it broke: no port"
