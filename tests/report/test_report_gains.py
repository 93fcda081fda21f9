"""What each setting gains: the ladder from default to tuned, read back from both files."""

from dataclasses import replace

import made_up
import pytest
from test_report_files import Page

from benchmarks import report, results
from benchmarks.model import Outcome, Truth
from benchmarks.report import facts, gains, steps

COST = {"default": 1.0, "default+pause": 0.25, "default+preload": 0.8, "tuned": 0.15}


def rung(variant, workload, trial, cost_s):
    """Return a trial of a variant: a step costs so much, and so does the dispatch, times ten."""
    base = "default" if variant.startswith("default") else "tuned"
    made = made_up.step_result("airflow", base, "fib_40_10", trial)
    chance = 1 + trial / 1000
    names = ("name", "value", "default", "reason")
    listed = [("loop.pause", "0.1", "1", "dispatch")] if variant != "default" else []
    told = [dict(zip(names, it, strict=True)) for it in listed]
    return replace(
        made, variant=variant, workload=workload, journal="",
        measures={**made.measures, "per_step_s": cost_s * chance,
                  "dispatch_s": 10 * cost_s * chance},
        environment={**made.environment, "settings": told},
    )  # fmt: skip


def campaign(count=10, workloads=("fib_40_10",)):
    return [
        rung(variant, workload, trial, cost)
        for variant, cost in COST.items()
        for workload in workloads
        for trial in range(1, count + 1)
    ]


def ladder(found):
    ((made, _),) = gains.ladders(facts.campaign(found))
    return made


def test_variants_stand_in_the_order_of_their_gain_between_default_and_tuned():
    assert ladder(campaign()).order == ["default", "+ pause", "+ preload", "tuned"]


def test_a_variant_has_its_cost_and_its_ratio_to_default():
    default, pause, *_ = ladder(campaign()).rungs

    assert default.ratio is None
    assert pause.figure.text == "251 ms"
    assert pause.ratio.value == pytest.approx(0.25) and pause.ratio.interval
    assert pause.settings == (("loop.pause", "0.1"),)


def test_a_run_of_one_step_is_told_by_its_dispatch():
    made = [replace(it, workload="dispatch") for it in campaign()]
    found = ladder(made)

    assert found.title == "airflow local, dispatch: trigger to first step"
    assert found.rungs[-1].figure.text == "1,508 ms"


def test_a_variant_without_a_figure_says_why():
    made = campaign()
    made = [
        replace(it, outcome=Outcome.STUCK, truth=Truth.LIMBO, measures={})
        if it.variant == "default+pause" else it
        for it in made
    ]  # fmt: skip
    last = ladder(made).rungs[-2]  # without a ratio it comes behind those that have one

    assert (last.title, last.missing.word, last.ratio) == ("+ pause", "stuck", None)


def test_a_planted_slowdown_is_no_setting():
    told = [replace(it, variant="default+slower") for it in campaign() if "+" in it.variant]

    assert gains.ladders(facts.campaign(told)) == []


def test_without_variants_between_there_is_no_ladder():
    made = [it for it in campaign() if it.variant in ("default", "tuned")]

    assert gains.ladders(facts.campaign(made)) == []


def test_what_lies_between_is_in_no_table_of_setups():
    made = facts.campaign(campaign())

    assert [it.variant for it in steps.setups(made)] == ["default", "tuned"]


def test_the_ladder_stands_in_both_files(tmp_path):
    folder = tmp_path / "results" / "20261122T110000Z-made-up-host"
    folder.mkdir(parents=True)
    for it in campaign(workloads=("fib_40_10", "dispatch")):
        results.append(folder, it)
    report.build(folder, tmp_path)
    page = Page((folder / "report.html").read_text())
    markdown = (folder / "report.md").read_text()

    for told in (
        "What each setting gains",
        "+ pause",
        "loop.pause",
        "0.25",
        "trigger to first step",
    ):
        assert told in page.words and told in markdown.replace("\\", "")
    assert page.tags.count("table") == page.tags.count("caption")
    assert {it[1:] for it in page.links if it.startswith("#")} <= set(page.ids)


def test_one_report_of_several_folders_has_their_ladders_and_may_be_written_elsewhere(tmp_path):
    plain, ladders, place = (tmp_path / it for it in ("plain", "ladders", "all"))
    for folder, told in (
        (plain, [it for it in campaign(2) if "+" not in it.variant]),
        (ladders, campaign(2)),
    ):
        (folder / "journals").mkdir(parents=True)
        for it in told:
            results.append(folder, it)
    report.build(plain, tmp_path, [ladders], place)
    markdown = (place / "report.md").read_text()

    page = Page((place / "report.html").read_text())

    assert "What each setting gains" in markdown and "time a step (ladders)" in markdown
    assert {it[1:] for it in page.links if it.startswith("#")} <= set(page.ids)
    assert not (plain / "report.md").exists()
