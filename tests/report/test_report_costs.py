"""What the section on costs divides, names and refuses to print."""

from dataclasses import replace

import made_up
import pytest

from benchmarks import installation, instruments, report, results
from benchmarks.installation import Installation
from benchmarks.instruments import Instruments
from benchmarks.model import IDLE
from benchmarks.report import charts, costs, facts, quiet, scaling, sources

AIRFLOW = ("airflow", "tuned")
REST = {
    "idle_s": 30.0, "cpu_s": 3.0, "control_cpu_s": 2.5, "worker_cpu_s": None, "task_cpu_s": 0.0,
    "metadata_cpu_s": 0.5, "control_pss_mb": 800.0, "worker_pss_mb": None,
    "metadata_pss_mb": 50.0, "metadata_rows": 6.0, "metadata_bytes": 8192.0,
    "metadata_value_bytes": 1000.0, "log_bytes": 500.0, "bench_cpu_s": 0.0,
    "asked_count": 50.0, "asked_s": 2.0, "asked_engine_s": 1.2,
}  # fmt: skip
WROTE = {
    "metadata_rows": 20.0, "metadata_bytes": 40_000.0, "metadata_value_bytes": 10_000.0,
    "log_bytes": 5_000.0, "control_cpu_s": 6.0, "worker_cpu_s": 1.0, "task_cpu_s": 4.05,
    "metadata_cpu_s": 0.5,
}  # fmt: skip


def rest(setup, number=1, workload="idle-30", **more):
    base = made_up.step_result(*setup, workload, number)
    return replace(base, pipeline=IDLE, truth=None, measures={**REST, **more})


def noop(setup, workload="chain-10-noop", number=1, **more):
    return made_up.step_result(*setup, workload, number, **{**WROTE, **more})


def warm(setup, number, **starts):
    return replace(made_up.step_result(*setup, "chain-1-noop", number, **starts), warmup=True)


def had(*told, installations=None, root="."):
    from pathlib import Path

    return costs.costs(facts.campaign(told), installations or {}, Path(root))


def test_a_rest_is_told_by_the_minute():
    (line,) = had(rest(AIRFLOW)).standing

    assert {role: it.text for role, it in line.cpu.items()} == {
        "control": "5.00 s", "worker": "no process", "metadata": "1.00 s",
    }  # fmt: skip
    assert line.memory["control"].text == "800 MB"
    assert (line.written["rows"].text, line.written["log"].text) == ("12.0", "1.00 kB")


def test_a_question_costs_what_the_engine_uses_above_its_rest():
    (line,) = had(rest(AIRFLOW)).standing

    assert line.ask.text == "20.0 ms"  # (1.2 s - 2 s of a rest at 0.1) / 50


def test_the_longest_rest_is_shown():
    (line,) = had(rest(AIRFLOW), rest(AIRFLOW, workload="idle-60", idle_s=60.0)).standing

    assert line.cell.subject.title == "60 s without a run"


def test_the_first_start_is_not_among_the_later_ones():
    told = [warm(AIRFLOW, 1, first_start_s=20.0)]
    told += [warm(AIRFLOW, n, later_start_s=seconds) for n, seconds in ((2, 8.0), (3, 10.0))]
    (line,) = had(*told).standing

    assert (line.first.text, line.first.n) == ("20.0 s", 1)
    assert (line.later.text, line.later.n) == ("9.00 s", 2)
    assert line.cell is None


def test_a_start_beside_other_benches_is_no_figure_of_what_a_start_takes():
    crowded = warm(AIRFLOW, 2, later_start_s=45.0)
    crowded = replace(crowded, environment={**crowded.environment, "beside": 5})
    (line,) = had(warm(AIRFLOW, 1, first_start_s=20.0), crowded).standing

    assert (line.first.n, line.later.n) == (1, 0)


def test_peak_memory_is_that_of_the_warm_ups_the_one_workload_that_all_have():
    told = [warm(AIRFLOW, n, peak_pss_mb=mb) for n, mb in ((1, 70.0), (2, 80.0))]
    told.append(noop(AIRFLOW, peak_pss_mb=900.0))
    (line,) = had(*told).standing

    assert (line.peak.text, line.peak.n) == ("75.0 MB", 2)


def test_a_sentence_says_what_each_takes_at_rest():
    campaign = facts.campaign([rest(AIRFLOW), rest(("bare", "default"))])

    assert costs.headline(campaign) == (
        "At rest, CPU a minute and memory: airflow tuned 5.00 s and 800 MB."
    )
    assert costs.headline(facts.campaign([noop(AIRFLOW)])) == ""


def test_what_a_run_wrote_and_used_is_divided_by_its_steps():
    (table,) = had(noop(AIRFLOW)).steps
    (line,) = table.lines

    assert {name: it.text for name, it in line.written.items()} == {
        "rows": "2.00", "disk": "4.00 kB", "values": "1.00 kB", "log": "0.50 kB",
    }  # fmt: skip
    assert (line.whole.text, line.cpu["control"].text) == ("1,105 ms", "600 ms")


def test_the_roles_of_a_step_add_up_to_the_whole():
    cell = had(noop(AIRFLOW)).steps[0].lines[0].cell
    parts = [cell.values(f"{role}_cpu_s")[0] for role in ("control", "worker", "task")]

    assert sum(parts) == pytest.approx(cell.values("cpu_s")[0])


def test_the_most_steps_of_which_something_is_known_are_shown():
    unknown = made_up.step_result(*AIRFLOW, "chain-50-noop", 1)
    found = had(noop(AIRFLOW, "chain-1-noop"), noop(AIRFLOW), unknown, noop(AIRFLOW, "fanout-10"))

    assert [it.subject.workload for it in found.steps] == ["chain-10-noop", "fanout-10"]


def test_what_has_no_figure_says_why():
    base = noop(("bare", "default"), metadata_rows=None)
    why = {"metadata_rows": "there is no metadata database"}
    told = replace(base, environment={**base.environment, "unmeasured": why})
    (line,) = had(told).steps[0].lines

    assert (line.written["rows"].word, line.reasons["rows"]) == (
        "not measured",
        why["metadata_rows"],
    )


def test_what_is_written_grows_by_a_power_of_n():
    told = [
        noop(AIRFLOW, f"chain-{n}-noop", metadata_rows=3.0 * n, log_bytes=None)
        for n in (1, 10, 50, 200)
    ]
    (grown,) = scaling.growths(facts.campaign(told))
    (line,) = grown.lines

    assert line.more["metadata rows"].exponent == pytest.approx(1)
    assert line.more["CPU, control"].exponent == 0
    assert "logs" not in grown.more
    assert grown.sizes == (1, 10, 50, 200)


def test_a_rest_is_no_pipeline_and_no_synthetic_workload():
    found = facts.campaign([rest(AIRFLOW)])

    assert (found.subjects, found.synthetic) == ((), ())


def test_a_bar_leaves_out_a_role_without_a_process():
    (bar,) = had(rest(AIRFLOW)).memory
    drawn = charts.rest_svg([bar], "Memory at rest", "MB")

    assert bar.parts == {"control": 800.0, "worker": None, "metadata": 50.0}
    assert "airflow tuned control 800, metadata 50.0" in drawn


def test_measuring_counts_events_and_questions_with_the_bench_itself():
    told = [rest(AIRFLOW), noop(AIRFLOW, cpu_s=10.0, bench_cpu_s=0.05, journal_count=100.0,
                                makespan_s=25.0, closing_s=0.4)]  # fmt: skip
    found = replace(facts.campaign(told), instruments=Instruments(100, 5, 20, 0.05, 5, 5.0))
    cell = next(it for it in found.cells.values() if it.subject.pipeline == "chain")
    weight = quiet.burden(found, cell.setup)

    # 100 events of 0.1 ms, and 25 / 5 + 0.4 / 0.2 questions of 20 ms
    assert quiet.share_of(cell, weight) == pytest.approx((0.05 + 0.01 + 0.14) / 10)
    assert quiet.quiet(found).bench[0].mark is quiet.TOO_MUCH


def test_older_results_say_of_measuring_what_they_know():
    found = facts.campaign([made_up.step_result(*AIRFLOW, "chain-10-noop", 1)])

    assert quiet.burden(found, found.setups[0]) == quiet.Burden()


def test_lines_are_those_of_the_pipelines_and_of_what_they_share(tmp_path):
    for name, text in {
        "complaints.py": '"""Doc."""\n\n# why\nprint(1)\nprint(2)\n', "retries.py": "A = 1\n",
        "synthetic.py": "B = 1\n", "once.py": "C = 1\n", "prefect.yaml": "# no\n\na: 1\n",
        "synthetic.yaml": "b: 1\n",
    }.items():  # fmt: skip
        (tmp_path / "prefect_impl").mkdir(exist_ok=True)
        (tmp_path / "prefect_impl" / name).write_text(text)
    (found,) = sources.lines(tmp_path)

    assert found.by_file == {"complaints": 2, sources.SHARED: 1, sources.YAML: 1}
    assert (found.engine, found.whole) == ("prefect", 4)


def test_a_report_of_everything_and_one_of_nothing_are_made(tmp_path, overhead):
    folder = tmp_path / "full"
    (folder / "journals").mkdir(parents=True)
    sizes = ("chain-1-noop", "chain-10-noop", "chain-50-noop")
    told = [rest(AIRFLOW), warm(AIRFLOW, 1, first_start_s=20.0)]
    told += [noop(AIRFLOW, it) for it in sizes]
    for it in told:
        (folder / it.journal).touch()
        results.append(folder, it)
    installation.save(folder, [Installation("airflow", 146, 292_000_000, 13_840, 21.5, 9.5, 11.0)])
    instruments.save(folder, Instruments(100, 5, 20, 0.05, 5, 5.0))
    report.build(folder, tmp_path)
    html, markdown = ((folder / f"report.{it}").read_text() for it in ("html", "md"))

    assert "Memory at rest" in html
    assert "| airflow | 146 | 292 MB | 21.5 s | 9.50 s | 11.0 s |" in markdown
    assert "the power of n by which a run's costs grow" in markdown
    assert "idle-60" in overhead.html
