"""What the report counts, and what it keeps apart."""

from dataclasses import replace

import made_up
import pytest

from benchmarks.model import Finding, Outcome, Truth, Verdict
from benchmarks.report import facts, headline, overhead, recovery, sources, words
from benchmarks.report.charts import abbreviations


def calm(engine, variant, *makespans, **changes):
    return [
        replace(
            made_up.result(engine, variant, "complaints", "calm", number),
            measures={"makespan_s": value, "dispatch_s": value}, **changes,
        )
        for number, value in enumerate(makespans, start=1)
    ]  # fmt: skip


def line(results, title):
    campaign = facts.campaign(results)
    return next(
        it for it in overhead.lines(campaign, campaign.subjects[0]) if it.setup.title == title
    )


def test_all_seven_setups_have_a_row_even_without_a_trial():
    campaign = facts.campaign(calm("bare", "default", 1.0))

    titles = [setup.title for setup in campaign.setups]
    assert len(titles) == 7 and titles[0] == "bare" and "dagster tuned" in titles
    assert line(calm("bare", "default", 1.0), "dagster tuned").cell.word == "not measured"


def test_overhead_is_the_makespan_beyond_bare_within_the_variant():
    told = calm("bare", "default", 1.0, 1.0) + calm("airflow", "default", 3.0, 5.0)
    told += calm("airflow", "tuned", 2.0, 2.0)

    assert line(told, "airflow default").overhead.absolute_s == 3.0
    assert line(told, "airflow tuned").overhead.absolute_s == 1.0
    assert line(told, "airflow default").overhead.percent == "+300 %"


def test_a_warm_up_is_kept_and_in_no_figure():
    told = calm("bare", "default", 1.0) + calm("bare", "default", 99.0, warmup=True)

    found = line(told, "bare")
    assert (found.n, found.figures["makespan"].text) == (1, "1.00 s")
    assert len(found.cell.warmups) == 1


def test_a_trial_that_broke_and_was_done_again_is_no_failure():
    broke = calm("bare", "default", None, outcome=Outcome.ERROR, truth=None, error="no port")

    found = line(broke + calm("bare", "default", 1.0), "bare")
    assert (found.n, found.failed, len(found.cell.superseded)) == (1, 0, 1)


def test_a_fault_that_missed_its_phase_says_nothing():
    astray = replace(
        made_up.result("airflow", "default", "complaints", "killed", 1),
        findings=(Finding("landed", Verdict.UNKNOWN, "too late"),), measures={"recover_s": 1.0},
        outcome=Outcome.SELF_HEALED,
    )  # fmt: skip
    campaign = facts.campaign([astray])
    cell = next(it for it in recovery.matrix(campaign)[0].cells if it.n)

    assert cell.endings[0].missed and cell.figures["recover"].word == "not measured"
    assert all("1 of 1" not in it.text for it in headline.facts(campaign))


@pytest.mark.parametrize("truth", [Truth.FALSE_SUCCESS, Truth.LIMBO])
def test_a_run_whose_rows_never_arrived_has_no_time_to_recover(truth):
    wrong = replace(
        made_up.result("airflow", "default", "complaints", "killed", 1),
        truth=truth, measures={"recover_s": 1.0, "truth_s": 2.0, "detect_s": 0.5},
    )  # fmt: skip
    cell = next(it for it in recovery.matrix(facts.campaign([wrong]))[0].cells if it.n)

    told = {label: it.text for label, it in cell.figures.items()}
    assert (told["recover"], told["truth"], told["detect"]) == ("failed", "failed", "0.50 s")


def costs(*told):
    campaign = facts.campaign(told)
    (found,) = recovery.costs(campaign, recovery.matrix(campaign))
    return {name: it.text for name, it in found.figures.items()}


def test_what_a_cell_cost_is_told_by_its_ledger_and_its_measures():
    one = replace(
        made_up.result("airflow", "default", "complaints", "killed", 1),
        measures={"wasted_steps": 3.0, "wasted_s": 1.5, "blast_radius_steps": 2.0},
    )  # fmt: skip

    assert costs(one) == {
        "lost": "0", "duplicated": "0", "unexpected": "0", "recovered": "123", "written": "777",
        "written again": "377", "late": "0", "wasted attempts": "3", "blast radius": "2",
        "wasted time": "1.50 s",
    }  # fmt: skip


def test_what_an_older_campaign_did_not_note_is_not_measured():
    one = made_up.result("airflow", "default", "complaints", "killed", 1)
    old = {name: one.ledger[name] for name in ("lost", "duplicated", "unexpected")}
    told = costs(replace(one, ledger=old))

    assert told["lost"] == "0"
    assert {told[it] for it in ("written", "late", "wasted time")} == {"not measured"}


def test_what_checked_the_checks_is_no_setup_and_in_no_cell():
    bad = made_up.known_bad("appends-without-key")
    campaign = facts.campaign([bad, *calm("bare", "default", 1.0)])

    assert {it.engine for it in campaign.setups} == {"bare", "airflow", "prefect", "dagster"}
    assert campaign.faults == ()
    assert [row.index for row in campaign.rows] == [0]
    (found,) = recovery.checked(campaign)
    assert (found.name, found.mark.word) == ("appends-without-key", "caught")


def test_a_calm_run_with_wrong_rows_is_in_no_figure():
    told = calm("airflow", "default", 3.0)
    told += calm("airflow", "default", 0.1, truth=Truth.FALSE_SUCCESS)

    found = line(told, "airflow default")
    assert (found.n, found.failed, found.figures["makespan"].text) == (1, 1, "3.00 s")


@pytest.mark.parametrize(
    ("error", "word"),
    [("no port", "failed"), ("unsupported: no worker", "unsupported"), ("skipped: cut", "skipped")],
)
def test_an_empty_cell_says_which_of_the_words_applies(error, word):
    told = calm("airflow", "default", None, outcome=Outcome.ERROR, truth=None, error=error)

    assert line(told, "airflow default").figures["makespan"].word == word


def test_a_missing_measure_of_a_sound_run_is_not_measured():
    found = line(calm("airflow", "default", 3.0), "airflow default")

    assert found.figures["cpu"].word == "not measured"


def test_workloads_of_one_pipeline_are_not_merged():
    told = calm("bare", "default", 1.0) + calm("bare", "default", 9.0, workload="large")

    titles = [it.title for it in facts.campaign(told).subjects]
    assert titles[:2] == ["complaints, small", "complaints, large"]


def test_modes_of_one_engine_are_not_merged():
    told = calm("airflow", "default", 1.0) + calm("airflow", "default", 9.0, mode="celery")

    titles = [it.title for it in facts.campaign(told).setups]
    assert "airflow local default" in titles and "airflow celery default" in titles


def test_repetitions_that_ended_differently_are_counted_apart():
    told = [
        replace(made_up.result("airflow", "default", "complaints", "killed", number), **change)
        for number, change in enumerate(
            ({}, {"outcome": Outcome.STUCK, "truth": Truth.LIMBO}, {}), start=1
        )
    ]
    campaign = facts.campaign(told)
    cell = next(it for it in recovery.matrix(campaign)[0].cells if it.n)

    assert [(it.outcome.word, it.count) for it in cell.endings] == [("stuck", 1), ("unharmed", 2)]
    assert cell.tone == "bad"


def test_the_same_rows_hold_until_one_hash_differs():
    told = calm("bare", "default", 1.0) + calm("airflow", "default", 2.0)
    other = calm("prefect", "default", 2.0, ledger={**told[0].ledger, "digest": "other"})

    assert headline.digests(facts.campaign(told))[0].mark.word == "equal"
    assert headline.digests(facts.campaign(told + other))[0].mark.word == "not equal"
    assert headline.facts(facts.campaign(told + other))[0].mark.word == "does not hold"


def test_few_repetitions_leave_every_comparison_undecided():
    told = calm("airflow", "default", 9.0, 9.0) + calm("airflow", "tuned", 1.0, 1.0)

    (found,) = overhead.tuned_against_default(facts.campaign(told))
    assert found.mark.word == "undecided"


def test_enough_repetitions_that_agree_are_decided():
    slow = [9 + it / 100 for it in range(10)]
    told = calm("airflow", "default", *slow)
    told += calm("airflow", "tuned", *(it / 3 for it in slow))

    (found,) = overhead.tuned_against_default(facts.campaign(told))
    assert found.mark.word == "improved"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0123, "0.012"),
        (1.234, "1.23"),
        (12.34, "12.3"),
        (1234.5, "1,234"),
        (-2, "−2.00"),
    ],
)
def test_numbers_have_about_three_digits(value, text):
    assert words.number(value) == text


def test_comments_docstrings_and_blank_lines_are_not_code():
    text = (
        '"""Doc.\n\nMore."""\n\n# why\nx = 1  # one\n\ndef f():\n    """Do."""\n    return "a\\n"\n'
    )

    assert sources.code_lines(text) == 3


def test_an_absent_implementation_is_no_error(tmp_path):
    assert sources.source(tmp_path, "dagster", "complaints").code is None


def test_steps_are_named_by_the_fewest_letters_that_tell_them_apart():
    assert abbreviations(["plan", "summarise", "snapshot", "plan"]) == {
        "plan": "p", "summarise": "su", "snapshot": "sn",
    }  # fmt: skip
