"""What the section on synthetic workloads counts, fits and refuses to print."""

from dataclasses import replace

import made_up
import pytest

from benchmarks import report, results
from benchmarks.model import Finding, Outcome, Truth, Verdict
from benchmarks.report import control, facts, headline, quiet, scaling, shapes, steps
from benchmarks.report.curves import HEIGHT_PX, LABEL_PX, Scale, apart

AIRFLOW, BARE = ("airflow", "tuned"), ("bare", "default")


def trials(setup, workload, count=10, first=1, **more):
    return [
        made_up.step_result(*setup, workload, number, **more)
        for number in range(first, first + count)
    ]


def table(*told, workload):
    made = steps.tables(facts.campaign([it for part in told for it in part]))
    return next(it for it in made if it.subject.workload == workload)


def line(found, title):
    return next(it for it in found.lines if it.setup.title == title)


@pytest.mark.parametrize(
    ("workload", "title"),
    [
        ("chain-1-noop", "chain of 1 no-op"),
        ("fanout-50-noop", "fan-out of 50 no-ops"),
        ("chain-10-busy-1000", "chain of 10 steps of 1,000 ms"),
        ("chain-10-fib-20", "chain of 10 steps of fib(20)"),
        ("fanout-2-payload-1000", "fan-out of 2 steps that hand on 1,000 characters"),
        ("fib_40_10", "fib_40_10"),
    ],
)
def test_a_synthetic_workload_is_called_what_it_is(workload, title):
    assert shapes.shape_of(workload).title == title


@pytest.mark.parametrize("workload", ["small", "complaints", "chain-0-noop", "chain", ""])
def test_what_is_no_synthetic_workload_has_no_shape(workload):
    assert shapes.shape_of(workload) is None


def test_a_step_costs_what_the_trials_say():
    found = line(
        table(trials(BARE, "chain-10-noop"), trials(AIRFLOW, "chain-10-noop", per_step_s=0.2,
              handoff_p50_s=0.15, handoff_p95_s=0.3, cpu_s=5.0, dispatch_s=1.0),
              workload="chain-10-noop"), "airflow tuned",
    )  # fmt: skip

    told = {name: it.text for name, it in found.figures.items()}
    assert told | {"makespan": ""} == {
        "step": "200 ms", "handoff": "150 ms", "handoff_95": "300 ms", "dispatch": "1.00 s",
        "closing": "0.20 s", "cpu": "500 ms", "makespan": "",
    }  # fmt: skip
    assert (found.n, found.task, found.overhead.mark.word) == (10, "a fork", "slower")


def test_a_table_lists_only_setups_that_a_synthetic_workload_was_tried_on():
    pipeline = [made_up.result("dagster", "default", "complaints", "calm", 1)]
    found = table(trials(BARE, "chain-10-noop"), pipeline, workload="chain-10-noop")

    assert [it.setup.title for it in found.lines] == ["bare"]


def test_without_bare_there_is_no_overhead_and_it_says_so():
    found = line(table(trials(AIRFLOW, "chain-10-noop"), workload="chain-10-noop"), "airflow tuned")

    assert (found.overhead, found.no_overhead) == (None, "bare was not measured")


def test_a_workload_of_no_known_size_has_no_cpu_a_step_and_breaks_nothing(tmp_path):
    odd = [replace(it, workload="chain-0-noop") for it in trials(AIRFLOW, "chain-10-noop", 2)]
    found = table(odd, workload="chain-0-noop")

    assert found.lines[0].figures["cpu"].word == "not measured"
    made = facts.campaign(odd)
    assert (scaling.growths(made), scaling.grains(made)) == ([], [])


def test_the_no_ops_that_most_setups_finished_are_shown_unfolded():
    told = trials(BARE, "chain-10-noop"), trials(BARE, "chain-50-noop")
    some = trials(AIRFLOW, "chain-10-noop")

    assert table(*told, workload="chain-50-noop").main
    assert table(*told, some, workload="chain-10-noop").main
    assert not table(*told, some, workload="chain-50-noop").main


def test_a_stuck_trial_is_a_row_with_its_reason():
    stuck = made_up.stuck(made_up.step_result("dagster", "default", "chain-50-noop", 1), started=31)
    made = facts.campaign([*trials(BARE, "chain-50-noop"), stuck])

    (found,) = steps.unsound(made)
    assert found.outcome.word == "stuck"
    assert found.reason == (
        "no final state at the deadline, after 121 s; 31 of 50 steps had started"
    )
    told = line(steps.tables(made)[0], "dagster default")
    assert (told.missing.word, told.n) == ("stuck", 0)


def test_trials_that_went_wrong_alike_are_told_once():
    wrong = [
        replace(it, truth=Truth.FALSE_SUCCESS,
                findings=(Finding("worked", Verdict.FAIL, "1 steps: 0001"),))
        for it in trials(AIRFLOW, "chain-10-noop", 5)
    ]  # fmt: skip
    (found,) = steps.unsound(facts.campaign(wrong))

    assert (found.count, found.reason) == (5, "false success, worked: 1 steps: 0001")
    assert found.repetitions == "repetition 1; repetition 2; repetition 3"


def test_a_campaign_of_pipelines_alone_has_no_section():
    warm = replace(made_up.step_result(*AIRFLOW, "chain-1-noop", 1), warmup=True)
    told = [made_up.result("airflow", "tuned", "complaints", "calm", 1), warm]

    assert report.page.section(facts.campaign(told)) is None


def test_growth_is_fitted_over_the_counts_that_were_measured():
    told = [
        it for n in (1, 10, 50) for it in trials(AIRFLOW, f"chain-{n}-noop", 3, makespan_s=0.2 * n)
    ]
    (found,) = scaling.growths(facts.campaign(told))

    fits = found.lines[0].fits
    assert found.sizes == (1, 10, 50)
    assert scaling.exponent(fits["makespan"]) == "1.00"
    assert fits["handoff"].reason == "2 sizes, 3 are needed"
    assert [dot.x for dot in found.curves[0].dots] == [1, 10, 50]
    assert scaling.headline_of_growth([found]) == (
        "A run's time grows with its steps (chain, 1, 10 and 50) by the power: airflow tuned 1.00."
    )


def test_the_headline_tells_of_the_first_step_where_a_run_is_shortest():
    told = [it for n in (1, 10) for it in trials(AIRFLOW, f"chain-{n}-noop", 3, dispatch_s=0.1 * n)]

    assert steps.headline(steps.tables(facts.campaign(told))) == (
        "Chain of 1 no-op, trigger to first step: airflow tuned 0.10 s (n = 3 or more a setup). "
        "Chain of 10 no-ops, time a step: airflow tuned 185 ms (n = 3 or more a setup)."
    )


def busy(*makespans, shape="chain"):
    """Return trials of ten steps of 10, 100, ... ms."""
    return [
        it
        for power, makespan in enumerate(makespans, start=1)
        for it in trials(AIRFLOW, f"{shape}-10-busy-{10**power}", 3, makespan_s=makespan)
    ]


def test_metg_stands_between_the_sizes_around_it():
    (found,) = scaling.grains(facts.campaign(busy(2.0, 3.0, 10.0)))
    run = found.lines[0].run

    assert scaling.bracket(run) == "between 100 and 1,000 ms"
    assert 0.1 < run.task_s < 1.0
    assert found.lines[0].peak == "100 % at 1,000 ms" and not run.rising


def test_a_metg_is_a_lower_bound_while_the_efficiency_rises_and_a_half_of_all_is_none():
    (found,) = scaling.grains(facts.campaign(busy(2.0, 3.0, 20.0)))
    (ended,) = scaling.grains(facts.campaign(busy(10.0, 10.5, 30.0)))

    assert found.lines[0].run.rising and found.lines[0].half.task_s == pytest.approx(1.0)
    assert found.lines[0].run.task_s < found.lines[0].half.task_s
    assert ended.lines[0].half.reason == "not reached: at most 33 % efficient"


@pytest.mark.parametrize(
    ("makespans", "reason"),
    [
        ((0.11, 1.05), "not bracketed: still efficient at 10 ms"),
        ((0.5,), "fewer than two task sizes were measured"),
        ((0.5, 0.5), "an efficiency of 2.00 at 0.1 s"),
        ((0.0, 0.0), "fewer than two task sizes were measured"),
    ],
)
def test_a_metg_that_is_not_bracketed_says_why(makespans, reason):
    (found,) = scaling.grains(facts.campaign(busy(*makespans)))

    assert found.lines[0].run.task_s is None
    assert found.lines[0].run.reason == reason


def test_two_tasks_at_a_time_are_possible_in_a_fan_out():
    (found,) = scaling.grains(facts.campaign(busy(0.1, 0.5, shape="fanout")))

    assert [it.efficiency for it in found.lines[0].run.points] == [0.5, 1.0]


def test_shapes_and_counts_are_not_merged():
    told = busy(2.0, 3.0) + busy(2.0, 3.0, shape="fanout") + trials(AIRFLOW, "chain-20-busy-10", 2)

    titles = [it.title for it in scaling.grains(facts.campaign(told))]
    assert titles == ["chain of 10 steps", "chain of 20 steps", "fan-out of 10 steps"]


@pytest.mark.parametrize(("slower", "verdict"), [(1.2, "found"), (1.0, "not found")])
def test_a_planted_slowdown_is_found_or_it_is_said_that_it_was_not(slower, verdict):
    usual = trials(AIRFLOW, "chain-4-busy-1000")
    slowed = [
        replace(it, variant="tuned+slower",
                measures={**it.measures, "makespan_s": slower * it.measures["makespan_s"]})
        for it in usual
    ]  # fmt: skip
    (found,) = control.planted(facts.campaign(usual + slowed))
    (few,) = control.planted(facts.campaign(usual[:3] + slowed[:3]))
    (none,) = control.planted(facts.campaign(slowed + trials(AIRFLOW, "chain-10-noop")))

    assert (found.mark.word, found.cell.setup.variant) == (verdict, "tuned+slower")
    assert few.mark is none.mark is control.TOO_FEW
    assert none.reason == "no trial of the ordinary setup delivered"


def test_a_published_workload_is_timed_as_they_time_it():
    made = facts.campaign(trials(AIRFLOW, "fib_40_10", per_step_s=0.2))
    (flow,) = steps.flows(made, steps.tables(made))

    assert flow.span[flow.table.lines[0].setup].text == "8.00 s"
    assert {it.name for it in flow.theirs} >= {"Airflow 3.3.1 default", "Prefect 3.8.6"}
    assert steps.probe(made, [flow]) is None


def test_the_probe_is_what_one_step_of_bare_takes():
    made = facts.campaign(trials(BARE, "fib_10_33", work_s=4.0))
    flows = steps.flows(made, steps.tables(made))

    found = steps.probe(made, flows)
    assert found.here.text == "0.40 s"
    assert found.theirs["Prefect container"] == "0.283 s (here 1.41 times as long)"


def noisy(result, host):
    return replace(result, environment={**result.environment, "noise": host})


def test_a_repeat_stands_for_a_disturbed_trial_which_stays_visible():
    calm = trials(AIRFLOW, "chain-10-noop", 3)
    calm[1] = noisy(replace(calm[1], measures={"makespan_s": 99.0}), made_up.LOUD_HOST)
    again = trials(AIRFLOW, "chain-10-noop", 1, first=results.REPEATS_FROM + 2)
    made = facts.campaign(calm + again)
    cell = next(iter(made.cells.values()))

    assert len(cell.values("makespan_s")) == 3 and 99.0 not in cell.values("makespan_s")
    (found,) = quiet.quiet(made).disturbed
    assert (found.mark.word, found.row.result.trial) == ("done again", 2)
    assert found.row.disturbed == "the machine was 2.5 times slower than usual"
    assert cell.trials[-1].repetition == "repetition 2, done again"


def test_a_disturbed_trial_without_a_sound_repeat_stays_in_the_figures_and_is_marked():
    calm = trials(AIRFLOW, "chain-10-noop", 3)
    calm[1] = noisy(calm[1], made_up.LOUD_HOST)
    broke = replace(
        made_up.step_result(*AIRFLOW, "chain-10-noop", results.REPEATS_FROM + 2),
        outcome=Outcome.ERROR, truth=None, error="no port", measures={},
    )  # fmt: skip
    found = quiet.quiet(facts.campaign([*calm, broke]))

    assert [it.mark.word for it in found.disturbed] == ["in the figures"]
    assert found.replaced == 0


def test_a_repeat_that_was_disturbed_more_is_the_one_that_is_left_out():
    calm = trials(AIRFLOW, "chain-10-noop", 3)
    calm[1] = noisy(calm[1], {**made_up.QUIET_HOST, "steal_share": 0.06})
    again = made_up.step_result(*AIRFLOW, "chain-10-noop", results.REPEATS_FROM + 2)
    again = noisy(replace(again, measures={"makespan_s": 99.0}), made_up.LOUD_HOST)
    made = facts.campaign([*calm, again])
    cell = next(iter(made.cells.values()))

    assert len(cell.values("makespan_s")) == 3 and 99.0 not in cell.values("makespan_s")
    marks = {it.row.result.trial: it.mark.word for it in quiet.quiet(made).disturbed}
    assert marks == {2: "in the figures", results.REPEATS_FROM + 2: "done again"}


def test_results_that_say_nothing_of_noise_and_bench_have_no_such_section():
    told = [made_up.result("airflow", "tuned", "complaints", "calm", 1)]

    assert quiet.quiet(facts.campaign(told)) is None


@pytest.mark.parametrize(("own", "word"), [(0.02, "above 1 %"), (0.005, "at most 1 %")])
def test_the_benchs_own_cpu_is_marked_above_one_percent(own, word):
    made = facts.campaign(trials(AIRFLOW, "chain-10-noop", bench_cpu_s=own, cpu_s=1.0))

    (found,) = quiet.quiet(made).bench
    assert found.mark.word == word
    assert steps.tables(made)[0].lines[0].bench_heavy == (own > 0.01)


def test_an_engine_that_used_no_cpu_has_no_share():
    assert quiet.quiet(facts.campaign(trials(AIRFLOW, "chain-10-noop", cpu_s=0.0))).bench == ()


def twice(second, count=10):
    first = [
        it
        for n in range(1, count + 1)
        for it in trials(AIRFLOW, "chain-10-noop", 1, n, makespan_s=1 + n / 1000)
    ]
    return first + [
        replace(it, trial=results.CONTROL_FROM + it.trial,
                environment={**it.environment, "control": True},
                measures={"makespan_s": second * it.measures["makespan_s"]})
        for it in first
    ]  # fmt: skip


@pytest.mark.parametrize(("second", "word"), [(1.0, "undecided"), (1.2, "told apart")])
def test_a_setup_that_ran_twice_is_held_against_itself(second, word):
    made = facts.campaign(twice(second))

    (found,) = control.pairs(made)
    assert (found.mark.word, found.first.n, found.second.n) == (word, 10, 10)
    assert len(control.failed([found])) == (word == "told apart")
    told = next(it for it in headline.facts(made) if "A/A" in it.text)
    assert told.mark.word == ("holds" if word == "undecided" else "does not hold")


def test_the_control_is_in_no_figure():
    made = facts.campaign(twice(50.0))
    cell = next(iter(made.cells.values()))

    assert max(cell.values("makespan_s")) < 2
    assert steps.tables(made)[0].lines[0].n == 10
    assert results.counted(made.results) == list(made.results)[:10]


def test_a_control_of_few_trials_decides_nothing_and_says_so():
    made = facts.campaign(twice(9.0, count=3))

    (found,) = control.pairs(made)
    assert (found.mark.word, found.decides) == ("undecided", False)
    assert found.reason == "3 values, 6 are needed for an interval"
    assert any("too few repetitions" in it.text for it in headline.facts(made))


def test_names_at_the_ends_of_lines_do_not_lie_on_each_other():
    placed = apart([10, 12, 14, 318, 329, 330], HEIGHT_PX)

    assert all(below - above >= LABEL_PX for above, below in zip(placed, placed[1:], strict=False))
    assert placed[0] >= 0 and placed[-1] <= HEIGHT_PX
    assert apart([], HEIGHT_PX) == []


@pytest.mark.parametrize("logarithmic", [True, False])
def test_what_is_drawn_at_a_place_is_the_value_of_that_place(logarithmic):
    scale = Scale(0.5, 200, logarithmic)

    assert scale.value(scale.px(7.5)) == pytest.approx(7.5)
    assert (scale.px(200), scale.px(0.5)) == (0, HEIGHT_PX)


def test_growth_is_of_one_campaign_that_which_has_the_most_sizes():
    told = [made_up.step_result(*AIRFLOW, f"chain-{n}-noop", 1) for n in (1, 10, 50, 200)]
    other = replace(told[1], campaign="another")
    (grown,) = scaling.growths(facts.campaign([told[0], other, *told[2:]]))

    assert grown.sizes == (1, 50, 200)
