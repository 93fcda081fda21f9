"""What of a campaign is done, and what is needed no more."""

from dataclasses import replace

from made_up_plans import filled, planned

from benchmarks import plans, progress, results
from benchmarks.model import Outcome, Truth
from tests.report import made_up


def test_a_stuck_cell_needs_no_control(tmp_path):
    stuck = {"outcome": Outcome.STUCK, "truth": Truth.LIMBO}
    folder = filled(tmp_path, (1, stuck))

    found = progress.cells_done(folder)
    cell = ("airflow/local/tuned", "chain-10-noop", "calm")
    assert found == {(*cell, False), (*cell, True)}


def test_a_run_stuck_behind_a_fault_is_tried_again(tmp_path):
    stuck = replace(made_up.result("dagster", "tuned", "complaints", "killed-each-time", 1),
                    outcome=Outcome.STUCK, truth=Truth.LIMBO)  # fmt: skip
    (tmp_path / "journals").mkdir()
    results.append(tmp_path, stuck)

    assert progress.cells_done(tmp_path) == set()


def worked(folder, *told):
    """Fill a folder with a trial of four tasks in a row for each size in ms and makespan in s."""
    (folder / "journals").mkdir(exist_ok=True)
    for number, (amount, makespan_s) in enumerate(told, 1):
        made = made_up.step_result("airflow", "tuned", f"chain-4-busy-{amount}", number)
        took = {"makespan_s": makespan_s, "per_step_s": makespan_s / 4}
        measures = {**made.measures, **took}
        results.append(folder, replace(made, journal="", measures=measures))


def test_larger_tasks_are_needless_where_a_setup_is_as_good_as_fully_efficient(tmp_path):
    sizes = ("chain-4-busy-1000", "chain-4-busy-10", "chain-4-busy-10000", "chain-4-busy-30000")
    name, other = "airflow/local/tuned", "fanout-4-busy-10000"
    plan = planned(workloads=(*sizes, other, "complaints"), per_start=1, repetitions=3)
    worked(tmp_path, (10, 1.0), (1000, 5.0), (10_000, 41.0))

    assert progress.needed_no_more(plan, tmp_path) == {
        (name, "chain-4-busy-10000", "calm", False),  # it is slow, and was done once
        (name, "chain-4-busy-30000", "calm", False),
    }
    assert progress.needed_no_more(plan, tmp_path / "nowhere") == set()
    calm = [it.asked for it in plans.slots(plan, 1)[0] if it.scenario == "calm" and not it.warmup]
    busy = [it for it in calm if it in sizes]
    assert busy == [sizes[1], sizes[0], *sizes[2:]]


def test_slow_tasks_beyond_the_half_are_done_once(tmp_path):
    """Half of the best, 83 %, lies between 1 s and 10 s: 30 s said what the best is."""
    sizes = tuple(f"chain-4-busy-{amount}" for amount in (100, 1000, 10_000, 30_000))
    plan = planned(workloads=sizes, per_start=1, repetitions=3)
    worked(tmp_path, (100, 11.0), (1000, 12.0), (10_000, 64.0), (30_000, 144.0))

    assert progress.needed_no_more(plan, tmp_path) == {
        ("airflow/local/tuned", "chain-4-busy-30000", "calm", False)
    }


def test_tasks_smaller_than_those_around_the_half_are_done_three_times(tmp_path):
    sizes = tuple(f"chain-4-busy-{amount}" for amount in (1, 10, 100, 1000))
    plan = planned(workloads=sizes, per_start=1, repetitions=10)
    worked(tmp_path, *[(1, 2.0)] * 3, *[(10, 2.0)] * 2, *[(100, 2.0)] * 3, *[(1000, 4.2)] * 3)

    assert progress.needed_no_more(plan, tmp_path) == {
        ("airflow/local/tuned", "chain-4-busy-1", "calm", False)
    }


def test_fine_sizes_are_done_between_the_two_around_a_half_alone(tmp_path):
    fine = ("chain-4-busy-30", "chain-4-busy-300")
    coarse = tuple(f"chain-4-busy-{amount}" for amount in (100, 10, 1000))
    plan = planned(workloads=(*fine, *coarse), per_start=1, repetitions=10)
    worked(tmp_path, *[(100, 2.0)] * 3, *[(1000, 4.2)] * 3)
    never, no_more = (("airflow/local/tuned", it, "calm", False) for it in (fine[0], coarse[0]))

    assert progress.needed_no_more(plan, tmp_path) == {never}
    worked(tmp_path, (300, 3.0))  # now the half lies between this and 1 s
    assert progress.needed_no_more(plan, tmp_path) == {never, no_more}
    alone = planned(workloads=fine, per_start=1, repetitions=10)
    assert progress.needed_no_more(alone, tmp_path) == set()


def test_payloads_go_up_until_one_is_refused(tmp_path):
    sizes = tuple(f"chain-2-payload-{size}MB" for size in (30, 1, 100, 3))
    plan = planned(workloads=sizes, per_start=1, repetitions=1)
    (tmp_path / "journals").mkdir()
    made = made_up.step_result("airflow", "tuned", "chain-2-payload-3000000", 1)
    whole = replace(made, workload="chain-2-payload-1000000", journal="")
    results.append(tmp_path, whole)
    results.append(
        tmp_path,
        replace(made, journal="", outcome=Outcome.GAVE_UP, truth=Truth.TRUE_FAILURE),
    )

    assert progress.needed_no_more(plan, tmp_path) == {
        ("airflow/local/tuned", sizes[0], "calm", False),
        ("airflow/local/tuned", sizes[2], "calm", False),
    }
    calm = [it.asked for it in plans.slots(plan, 1)[0] if not it.warmup]
    assert [it for it in calm if it in sizes] == [sizes[1], sizes[3], sizes[0], sizes[2]]


def test_the_faults_that_are_left_are_those_without_a_row(tmp_path):
    plan = planned(repetitions=1, fault_rounds=1, control=())
    both = progress.faults_left(plan, tmp_path)
    made = made_up.result("airflow", "tuned", "complaints", "source-503", 1)
    (tmp_path / "journals").mkdir()
    results.append(tmp_path, replace(made, journal="", mode="local"))

    assert both == sorted(both, reverse=both[0].startswith("bare"))
    assert len(both) == 2
    assert progress.faults_left(plan, tmp_path) == ["bare-process-default-complaints-source-503-1"]
