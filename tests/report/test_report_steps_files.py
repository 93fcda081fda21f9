"""The report of a campaign of synthetic workloads alone, read back from both files."""

import re

import pytest
from test_report_files import Page
from test_report_steps import twice

from benchmarks import report, results
from benchmarks.report import published


@pytest.fixture(scope="module")
def page(overhead):
    return Page(overhead.html)


def test_the_made_up_results_are_valid(overhead):
    assert results.problems(overhead.folder) == []


@pytest.mark.parametrize(
    "told",
    [
        "What a step costs", "chain of 10 no-ops", "fan-out of 10 no-ops", "a new process",
        "How it grows with the count of steps", "METG(50 %)", "not bracketed: still efficient",
        "a lower bound: the best efficiency", "between 100 and 1,000 ms",
        "fib_40_10", "40.453 s", "1011.3 ms",
        "AWS m7i.xlarge",
        "2026-09-15", "windmill-labs/windmill-benchmarks", "One fib(33) takes 0.40 s here",
        "31 of 50 steps had started", "stuck", "done again", "in the figures",
        "2.5 times slower than usual", "above 1 %", "at most 1 %", "A/A control", "undecided",
        "What this section does not show", "ran no pipeline", "still rising there",
        "a step is", "no figure", "2 sizes, 3 are needed", "What it costs to hand data on",
        "10 steps: hand-off p50 by size", "100 kB", "none found up to 100 kB",
        "true failure: XCom of 30000000 bytes", "30 MB", "Several runs at once", "2.00 ×",
        "95.0 %", "is one run", "7.25 s", "nobody keeps it", "TR-301",
    ],
)  # fmt: skip
def test_facts_stand_in_both_files(overhead, page, told):
    assert told in page.words
    assert told in overhead.markdown.replace("\\_", "_")


def test_every_published_figure_stands_in_both_files_apart_from_ours(overhead, page):
    ours, _, theirs = overhead.markdown.partition("published by Windmill, run of")
    for rows in published.FLOWS.values():
        for row in rows:
            assert f"{row.median_s} s" in page.words and f"{row.step_ms} ms" in page.words
            assert f"*{row.name}*" in theirs and f"*{row.name}*" not in ours


def test_the_charts_have_a_title_and_tell_their_values(overhead):
    charts = re.findall(r'<svg role="img".*?</svg>', overhead.html, re.S)
    titles = [re.search("<title>(.*?)</title>", it)[1] for it in charts]

    assert titles == [
        "Makespan over the count of steps: chain",
        "Efficiency over the size of a task: chain of 10 steps",
        "Efficiency over the size of a task: fan-out of 10 steps",
        "Hand-off over the size of the payload: chain of 10 steps",
        "Throughput over the runs at once: chain of 10 no-ops",
    ]
    assert re.search("<desc>[^<]*airflow tuned: 1 step 1.05 s, 10 steps", charts[0])
    assert re.search("<desc>[^<]*METG", charts[1])
    assert re.search("<desc>[^<]*airflow tuned: 1 kB 150 ms, 100 kB 150 ms", charts[3])
    assert re.search("<desc>[^<]*airflow tuned: 1 run [0-9.]+ a minute, 4 runs", charts[4])


def test_links_ids_captions_and_tables_are_whole(overhead, page):
    assert len(page.ids) == len(set(page.ids))
    assert {it[1:] for it in page.links if it.startswith("#")} <= set(page.ids)
    assert page.tags.count("table") == page.tags.count("caption")
    lines = overhead.markdown.splitlines()
    for above, line in zip(lines, lines[1:], strict=False):
        if above.startswith("|") and line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", above)) == len(re.findall(r"(?<!\\)\|", line)), line


def test_equal_environments_are_stored_once(overhead):
    assert len(set(re.findall(r'"same_as":"(e\d+)"', overhead.html))) <= 5
    assert len(overhead.html.encode()) < 1_500_000


def test_hostile_text_stays_text(overhead, page):
    assert "<went>" not in overhead.html and "server <went> away" in page.words
    assert "<went>" not in overhead.markdown.replace("\\<went\\>", "")


def test_a_report_of_pipelines_alone_has_none_of_it(campaign):
    for told in ("What a step costs", "A/A control: makespan", "How quiet was it?"):
        assert told not in campaign.html and told not in campaign.markdown


def test_a_control_that_failed_is_said_at_the_top(tmp_path):
    (tmp_path / "journals").mkdir()
    for result in twice(1.5):
        results.append(tmp_path, result)
    report.build(tmp_path, tmp_path)

    told = "The A/A control of this campaign failed:"
    assert told in (tmp_path / "report.md").read_text().split("## ")[0]
    headline = (tmp_path / "report.html").read_text().partition('id="headline"')[2]
    assert told in headline.partition("</section>")[0]
