"""What the report makes of runs at once, of payloads by size, and of the engine's own clock."""

from dataclasses import replace

import made_up
import pytest
from test_report_steps import AIRFLOW, BARE, trials

from benchmarks.model import Finding, Verdict
from benchmarks.report import concurrency, control, facts, payloads, scaling, steps


def groups(*told):
    return concurrency.groups(facts.campaign([it for part in told for it in part]))


def test_runs_at_once_stand_beside_the_same_chain_alone():
    (found,) = groups(
        trials(AIRFLOW, "chain-5-noop", makespan_s=2.0),
        trials(AIRFLOW, "chain-5-noop-runs-4", makespan_s=6.0, run_makespan_min_s=3.0,
               run_makespan_max_s=6.0, run_makespan_p50_s=5.0, fairness_percent=96.0),
        trials(AIRFLOW, "chain-50-noop"),
    )  # fmt: skip
    ((setup, (alone, four)),) = found.setups

    assert (found.title, found.counts, setup.title) == (
        "chain of 5 no-ops", (1, 4), "airflow tuned",
    )  # fmt: skip
    assert alone.figures["runs"].text == "30.0 a minute"
    told = {name: it.text for name, it in four.figures.items()}
    assert told | {"steps": ""} == {
        "makespan": "6.00 s", "runs": "40.0 a minute", "median": "5.00 s", "slowest": "6.00 s",
        "apart": "2.00 ×", "fairness": "96.0 %", "steps": "",
    }  # fmt: skip
    assert [dot.x for dot in found.curves[0].dots] == [1, 4]


def test_runs_at_once_are_in_no_figure_of_a_step_nor_of_growth():
    told = [it for n in (1, 10, 50) for it in trials(AIRFLOW, f"chain-{n}-noop", 3)]
    made = facts.campaign([*told, *trials(AIRFLOW, "chain-10-noop-runs-16", 3)])

    assert {it.subject.workload for it in steps.tables(made)} == {
        "chain-1-noop", "chain-10-noop", "chain-50-noop",
    }  # fmt: skip
    (grown,) = scaling.growths(made)
    assert grown.sizes == (1, 10, 50)


def test_a_workload_that_never_ran_together_has_no_group():
    assert groups(trials(AIRFLOW, "chain-5-noop"), trials(BARE, "fib_40_10")) == []


def test_stuck_runs_are_a_line_with_their_reason():
    stuck = made_up.stuck(made_up.step_result(*AIRFLOW, "chain-5-noop-runs-16", 1), started=31)
    made = facts.campaign([*trials(AIRFLOW, "chain-5-noop"), stuck])
    (found,) = concurrency.groups(made)

    assert [line.missing and line.missing.word for line in found.setups[0][1]] == [None, "stuck"]
    assert [it.cell.subject.title for it in steps.unsound(made)] == [
        "chain of 5 no-ops, 16 runs at once"
    ]
    assert concurrency.headline([found]) == ""


def test_the_headline_tells_of_the_most_runs():
    found = groups(trials(AIRFLOW, "chain-5-noop-runs-4", makespan_s=6.0))

    assert concurrency.headline(found) == (
        "4 runs at once of a chain of 5 no-ops: airflow tuned 40.0 a minute"
        " (n = 10 or more a setup)."
    )


def test_runs_at_once_have_a_control_too():
    first = trials(AIRFLOW, "chain-5-noop-runs-4", 6)
    again = [
        replace(it, trial=2000 + it.trial, environment={**it.environment, "control": True})
        for it in first
    ]

    assert len(control.pairs(facts.campaign([*first, *again]))) == 1


def handed(*told):
    return facts.campaign([it for part in told for it in part])


def test_a_hand_off_is_told_by_size():
    made = handed(
        trials(AIRFLOW, "chain-5-payload-1000", handoff_p50_s=0.2),
        trials(AIRFLOW, "chain-5-payload-10000000", handoff_p50_s=0.9),
        trials(BARE, "chain-1-payload-1000"),
        trials(BARE, "chain-5-noop"),
    )
    (found,) = payloads.groups(made)

    assert (found.title, found.sizes) == ("chain of 5 steps", (1000, 10_000_000))
    by_setup = {it.setup.title: [told.text for _, told, _ in it.figures] for it in found.lines}
    assert by_setup == {
        "airflow tuned": ["200 ms", "900 ms"], "bare": ["not measured", "not measured"],
    }  # fmt: skip
    assert [dot.x for dot in found.curves[0].dots] == [1000, 10_000_000]


@pytest.mark.parametrize(
    ("refused_at", "whole", "refused", "words"),
    [
        (None, 30_000_000, None, "none found up to 30 MB"),
        (30_000_000, 10_000_000, 30_000_000, "true failure: string too long"),
        (10_000_000, 30_000_000, None, "none found up to 30 MB"),  # a larger one arrived
    ],
)
def test_the_limit_is_the_first_size_behind_the_largest_that_arrived(
    refused_at, whole, refused, words
):
    told = [
        made_up.refused(it, "string too long") if size == refused_at else it
        for size in (1_000_000, 10_000_000, 30_000_000)
        for it in trials(AIRFLOW, f"chain-2-payload-{size}", 1)
    ]
    (found,) = payloads.refusals(facts.campaign(told))

    assert (found.whole, found.refused, found.words) == (whole, refused, words)


def test_an_engine_that_refuses_every_size_says_so():
    told = [made_up.refused(it, "no room") for it in trials(AIRFLOW, "chain-2-payload-1000000", 1)]
    (found,) = payloads.refusals(facts.campaign(told))

    assert (found.whole, found.refused, found.words) == (None, 1_000_000, "true failure: no room")


def test_a_published_workload_is_timed_by_the_engines_own_clock_too():
    untold = Finding("engine_span_s", Verdict.UNKNOWN, "nobody keeps it")
    bare = [replace(it, findings=(untold,)) for it in trials(BARE, "fib_40_10")]
    made = facts.campaign([*bare, *trials(AIRFLOW, "fib_40_10", per_step_s=0.2, engine_span_s=8.1)])
    (flow,) = steps.flows(made, steps.tables(made))

    told = {it.title: (flow.stored[it].text, flow.untold[it]) for it in flow.stored}
    assert told == {
        "airflow tuned": ("8.10 s", ""), "bare": ("not measured", "nobody keeps it"),
    }  # fmt: skip


def test_the_figures_of_the_engines_clock_are_absent_from_results_of_before_it():
    made = facts.campaign(trials(AIRFLOW, "fib_40_10", per_step_s=0.2))
    (flow,) = steps.flows(made, steps.tables(made))

    assert {it.text for it in flow.stored.values()} == {"not measured"}
