"""The two files, read back: the facts of the made-up campaign stand in both."""

import json
import re
from html.parser import HTMLParser

import made_up
import pytest

from benchmarks import report, results, statistics
from benchmarks.model import PIPELINES, Verdict
from benchmarks.report import words

LOADS = {"src", "srcset", "data", "poster", "action", "formaction", "background", "xlink:href"}


class Page(HTMLParser):
    """What a browser would load, link to and read out."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        told = {name: value or "" for name, value in attrs}
        self.ids += [told["id"]] if "id" in told else []
        self.loaded += [value for name, value in told.items() if name in LOADS]
        if "href" in told:
            (self.links if tag == "a" else self.loaded).append(told["href"])

    def handle_data(self, data):
        self.text.append(data)

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.text))


@pytest.fixture(scope="module")
def page(campaign):
    return Page(campaign.html)


def values(campaign, engine, variant, pipeline, measure):
    return [
        it.measures[measure] for it in campaign.results
        if (it.engine, it.variant, it.pipeline, it.scenario, it.warmup)
        == (engine, variant, pipeline, results.CALM, False)
    ]  # fmt: skip


def test_nothing_is_loaded_from_anywhere(campaign, page):
    assert [it for it in page.loaded if not it.startswith(("data:", "#"))] == []
    assert re.findall(r"url\((?!#)[^)]*\)|@import", campaign.html) == []
    assert "default-src 'none'" in campaign.html


def test_the_page_is_small_and_names_no_folder_of_this_machine(campaign):
    assert len(campaign.html.encode()) < 1_500_000
    assert str(campaign.root) not in campaign.html + campaign.markdown


def test_every_link_inside_the_page_has_its_target_once(page):
    assert len(page.ids) == len(set(page.ids))
    assert {it[1:] for it in page.links if it.startswith("#")} <= set(page.ids)


def test_every_table_has_a_caption_and_every_chart_a_title_and_a_description(campaign, page):
    charts = re.findall(r'<svg role="img".*?</svg>', campaign.html, re.S)
    assert page.tags.count("table") == page.tags.count("caption") > 10
    assert len(charts) == 3 + 4
    assert all("<title>" in it and "<desc>" in it for it in charts)


@pytest.mark.parametrize(("engine", "variant"), made_up.SETUPS)
@pytest.mark.parametrize("pipeline", PIPELINES)
@pytest.mark.parametrize("measure", ["makespan_s", "dispatch_s", "closing_s", "cpu_s"])
def test_medians_stand_in_both_files(campaign, page, engine, variant, pipeline, measure):
    told = statistics.summarise(values(campaign, engine, variant, pipeline, measure))
    text = f"{words.number(told.median)} s"

    title = engine if engine == "bare" else f"{engine} {variant}"
    section = campaign.markdown.split(f"### {pipeline}\n")[1].split("###")[0]
    (row,) = [it for it in section.splitlines() if it.startswith(f"| {title} |")]
    assert f"**{text}**" in row
    assert text in page.words


@pytest.mark.parametrize("variant", ["default", "tuned"])
def test_overheads_stand_in_both_files(campaign, page, variant):
    base, mine = (
        statistics.summarise(values(campaign, *it, "complaints", "makespan_s")).median
        for it in (("bare", "default"), ("airflow", variant))
    )
    text = f"{words.signed(mine - base)} s"

    assert text in page.words and f"**{text}**" in campaign.markdown


@pytest.mark.parametrize(
    "told",
    [
        "false success", "limbo", "gave up", "self-healed", "resumed", "unsupported", "skipped",
        "not measured", "failed", "undecided", "indicative", "40 rows lost",
        "Peak PSS, a run of one no-op",
        "bare has no control process", "Airflow 3.3.2", "Dagster 1.13.27", "made-up-host",
        "bench run --profile quick --seed 7", "the loop sleeps less", "postgresql 18.6",
        "blast radius", "777", "123", "4.32 s", "appends without key", "✓ caught", "12 duplicated",
        "was not there when this report was made", "n = 2",
    ],
)  # fmt: skip
def test_facts_stand_in_both_files(campaign, page, told):
    assert told in page.words
    assert told in campaign.markdown


def test_hostile_text_stays_text(campaign, page):
    assert "<8080>" not in campaign.html and "taken <8080>" in page.words
    assert "<8080>" not in campaign.markdown.replace("\\<8080\\>", "")
    assert "lost \\| see" in campaign.markdown
    assert "Orchestrate <airflow_dags>" in page.words


def test_a_known_bad_pipeline_is_in_no_figure_and_is_no_engine(campaign, page):
    shown = campaign.html.split('<script type="application/json"')[0]
    assert "known-bad" not in shown + campaign.markdown
    assert "These results are refused" not in page.words


def test_a_known_bad_pipeline_that_was_not_caught_is_said_at_the_top(tmp_path):
    (tmp_path / "journals").mkdir()
    for one in (
        made_up.result("bare", "default", "complaints", results.CALM, 1),
        made_up.known_bad("swallows-errors", Verdict.FAIL),
    ):
        (tmp_path / one.journal).touch()
        results.append(tmp_path, one)
    report.build(tmp_path, tmp_path)

    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    told = Page((tmp_path / "report.html").read_text(encoding="utf-8")).words
    for text, summary in ((markdown, "## Summary"), (told, "Summary of the calm runs")):
        top = text.split(summary)[0]
        assert "These results are refused" in top and "swallows-errors was not caught" in top
        assert "✗ not caught" in text


def test_results_without_known_bad_pipelines_say_that_nothing_shows_that_checks_can_fail(tmp_path):
    one = made_up.result("bare", "default", "complaints", results.CALM, 1)
    results.append(tmp_path, one)
    report.build(tmp_path, tmp_path)

    for name in ("report.html", "report.md"):
        assert "this campaign ran no known-bad pipeline" in (tmp_path / name).read_text("utf-8")


def test_every_row_is_embedded_with_its_environment(campaign):
    found = re.search(r'<script type="application/json" id="results">(.*?)</script>', campaign.html)
    data = json.loads(found[1])

    assert len(data["rows"]) == len(campaign.results) + 1
    assert data["rows"][-1]["engine"] == "known-bad"
    first = data["rows"][0]
    told = data["environments"][first["environment"]["same_as"]]
    assert told["host"] == "made-up-host" and first["environment"]["took_s"] == 1.5


def test_every_cell_of_the_recovery_matrix_links_to_its_command(campaign, page):
    anchor = "cell-prefect-local-default-complaints-small-control-killed"

    assert f"#{anchor}" in page.links and anchor in page.ids
    command = "--setup prefect/local/default --pipeline complaints --scenario control_killed"
    assert command in page.words and command in campaign.markdown


def test_every_table_of_the_markdown_has_rows_of_one_width(campaign):
    lines = campaign.markdown.splitlines()
    for above, line in zip(lines, lines[1:], strict=False):
        if above.startswith("|") and line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", above)) == len(re.findall(r"(?<!\\)\|", line)), line


def test_timelines_are_told_as_lists_in_markdown(campaign):
    part = campaign.markdown.split("### task killed after commit")[1].split("\n###")[0]

    assert "- **airflow default**, ↻ self-healed, true success: " in part
    assert "✗ not finished" in part and "fault (killed \\<one\\> process)" in part
    assert "- dagster tuned: failed" in part


def test_the_same_results_give_the_same_files(campaign):
    before = campaign.html, campaign.markdown
    report.build(campaign.folder, campaign.root)

    assert (campaign.html, campaign.markdown) == before


def test_only_calm_trials_of_one_setup_are_enough_for_a_report(tmp_path):
    (tmp_path / "journals").mkdir()
    one = made_up.result("bare", "default", "complaints", results.CALM, 1)
    results.append(tmp_path, one)
    report.build(tmp_path, tmp_path)

    told = Page((tmp_path / "report.html").read_text(encoding="utf-8")).words
    assert "this campaign has no trial with a fault" in told
    assert "These results have 1 problem" in told


def test_a_folder_without_trials_is_refused(tmp_path):
    (tmp_path / results.LINES).touch()

    with pytest.raises(ValueError, match="holds no trial"):
        report.build(tmp_path, tmp_path)
