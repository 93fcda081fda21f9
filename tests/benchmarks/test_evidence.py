"""What is kept of the engines' logs, and what is found in it again."""

from dataclasses import replace

import pytest

from benchmarks import evidence
from benchmarks.model import Finding, Outcome, Truth, Verdict
from tests.report import made_up


@pytest.fixture
def logs(tmp_path):
    place = tmp_path / "engine" / "logs"
    place.mkdir(parents=True)
    (place / "old.log").write_text("before\n")
    return place


def test_what_was_logged_before_the_trial_is_not_kept(logs):
    before = evidence.sizes(logs.parent)
    with (logs / "old.log").open("a") as stream:
        stream.write("\x1b[31mduring\x1b[0m\n")
    (logs / "new.log").write_text("also\n")
    (logs / "silent.log").touch()

    said = evidence.since(logs.parent, before)

    assert said == "== logs/new.log\nalso\n\n== logs/old.log\nduring\n"


def test_of_a_log_that_was_begun_anew_all_is_kept(logs):
    before = evidence.sizes(logs.parent)
    (logs / "old.log").write_text("new\n")

    assert "new" in evidence.since(logs.parent, before)


def test_of_a_long_log_the_middle_is_left_out_and_counted(logs):
    (logs / "long.log").write_text("a" * evidence.HALF + "m" * 7 + "z" * evidence.HALF)
    said = evidence.since(logs.parent, {})

    assert "7 characters left out" in said
    assert "m" * 7 not in said


def test_what_the_engine_has_stored_comes_first():
    assert evidence.told("a run", "== log\nx") == "== what the engine has stored\na run\n== log\nx"
    assert evidence.told(" ", "== log\nx") == "== log\nx"
    assert evidence.told("", "") == ""


def test_a_line_is_found_again_and_cut_around_what_was_looked_for(tmp_path):
    kept = evidence.keep(tmp_path, "trial", "one\n" + "x" * 900 + " killed by 9 " + "y" * 900)

    assert evidence.quoted(tmp_path, kept, "^one$") == "one"
    found = evidence.quoted(tmp_path, kept, r"killed by \d")
    assert "killed by 9" in found
    assert len(found) <= evidence.LINE + 8
    assert evidence.quoted(tmp_path, kept, "nothing") == ""
    assert evidence.quoted(tmp_path, "", "one") == ""
    assert evidence.quoted(tmp_path, "gone.log.gz", "one") == ""


@pytest.mark.parametrize(
    ("outcome", "truth", "due"),
    [
        (Outcome.UNHARMED, Truth.TRUE_SUCCESS, False),
        (Outcome.SELF_HEALED, Truth.TRUE_SUCCESS, False),
        (Outcome.SELF_HEALED, Truth.FALSE_SUCCESS, True),
        (Outcome.RESUMED, Truth.TRUE_SUCCESS, True),
        (Outcome.STUCK, Truth.LIMBO, True),
        (Outcome.ERROR, None, False),
    ],
)
def test_which_outcomes_are_to_be_explained(outcome, truth, due):
    made = made_up.result("prefect", "tuned", "complaints", "source-503", 1)
    made = replace(made, outcome=outcome, truth=truth)

    assert evidence.is_due(made) is due
    assert not evidence.is_due(replace(made, scenario="calm"))
    assert evidence.is_kept(replace(made, measures={"detect_s": 61.0}))
    calmly = replace(made, measures={"detect_s": None})
    assert evidence.is_kept(calmly) is due
    assert evidence.is_kept(replace(calmly, scenario="host-left"))


@pytest.mark.parametrize(("check", "kept"), [("fenced", True), ("nothing_repeated", False)])
def test_a_check_that_was_not_passed_is_to_be_explained_unless_it_counts_a_cost(check, kept):
    made = made_up.result("prefect", "tuned", "complaints", "source-503", 1)
    wrong = (Finding(check, Verdict.FAIL), Finding("landed", Verdict.PASS))
    made = replace(
        made, outcome=Outcome.UNHARMED, truth=Truth.TRUE_SUCCESS, measures={}, findings=wrong
    )

    assert evidence.failed(made) == ([check] if kept else [])
    assert evidence.is_kept(made) is kept
    assert not evidence.is_due(made)
    assert evidence.failed(replace(made, scenario="calm")) == []
