"""Where the CPU time goes: profiles beside the results, in both files."""

from dataclasses import asdict
from statistics import median

import made_up
import orjson
import pytest
from test_report_files import Page

from benchmarks import report, results
from benchmarks.profiling import spent
from benchmarks.profiling.spent import Profile, Spent
from benchmarks.report import facts, profiling, words

TASK = Spent(
    "task", 40, 8.0, (("airflow", 5.0), ("imports", 2.0), ("Python itself", 1.0)),
    (("airflow.dag:parse", 4.0),),
)  # fmt: skip
SERVER = Spent("api-server", 1, 4.0, (("sqlalchemy", 3.9), ("fastapi", 0.1)), ())
PROFILE = Profile("airflow/local/tuned", "fib_40_10", 2, 40, 12.5, (TASK, SERVER))


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "results" / "20261122T110000Z-made-up-host"
    (made / spent.FOLDER).mkdir(parents=True)
    (made / spent.FOLDER / "one.json").write_bytes(orjson.dumps(asdict(PROFILE)))
    for number in range(3):
        results.append(made, made_up.step_result("airflow", "tuned", "fib_40_10", number + 1))
    return made


def test_a_profile_is_read_as_it_was_kept(folder):
    assert spent.load(folder) == [PROFILE]


def test_time_is_that_of_a_step_and_shares_are_of_the_process(folder):
    (found,) = profiling.shown([folder], facts.campaign(results.read(folder)))
    task, server = found.lines

    assert found.per == "a step"
    assert (task.ms, server.ms) == (pytest.approx(100.0), pytest.approx(50.0))
    assert task.packages == ("62 % airflow", "25 % imports", "12 % Python itself")
    assert server.packages == ("98 % sqlalchemy",)
    assert task.functions == ("50 % airflow.dag:parse",)
    assert found.seen_percent == pytest.approx(96.0)


def test_the_bars_add_up_to_what_the_processes_used():
    ranked = profiling._ranked(PROFILE.spent)
    rows = profiling._parts(TASK, ranked, 1000 / 80)

    assert ranked[0] == "imports"
    assert rows[-1]["x2"] == pytest.approx(100.0)
    assert [it["x"] for it in rows[1:]] == [it["x2"] for it in rows[:-1]]


def test_of_two_folders_the_first_profile_stands(folder, tmp_path):
    other = tmp_path / "other" / spent.FOLDER
    other.mkdir(parents=True)
    (other / "it.json").write_bytes(orjson.dumps(asdict(PROFILE) | {"runs": 9}))

    campaign = facts.campaign(results.read(folder))
    shown = profiling.shown([folder, tmp_path / "other"], campaign)
    assert [it.profile.runs for it in shown] == [2]


def test_beside_it_stands_what_the_same_runs_cost_without_sampling(folder):
    campaign = facts.campaign(results.read(folder))
    values = next(iter(campaign.cells.values())).values("cpu_s")
    (found,) = profiling.shown([folder], campaign)

    expected = words.number(1000 * median(values) / PROFILE.steps)
    assert found.ordinary == f"{expected} ms without sampling (n = 3)"


def test_profiles_stand_in_both_files(folder, tmp_path):
    report.build(folder, tmp_path)
    page = Page((folder / "report.html").read_text())
    markdown = (folder / "report.md").read_text()

    for told in ("Where the CPU time goes", "airflow.dag:parse", "62 % airflow"):
        assert told in page.words and told in markdown.replace("\\", "")
    assert page.tags.count("table") == page.tags.count("caption")
    assert {it[1:] for it in page.links if it.startswith("#")} <= set(page.ids)
