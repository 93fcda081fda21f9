"""A campaign on `bare`, by the command line, as a newcomer would: run, resume, report."""

import json
import shutil
import subprocess

import pytest

from benchmarks import campaign, results
from benchmarks.orchestrators.services import ROOT, clean_environment, environment_of


def bench(*words):
    return subprocess.run(
        [environment_of("bench") / "bench", *words],
        cwd=ROOT,
        env=clean_environment({}),
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def done():
    """Return a campaign of one repetition on `bare`: what was printed, and its folder."""
    latest = ROOT / "results" / "latest"
    before = latest.readlink() if latest.is_symlink() else None
    run = bench("run", "--setups", "bare", "--repetitions", "1", "--metadata", "sqlite")
    folder = ROOT / run.stdout.splitlines()[0].removeprefix("results: ")
    yield run, folder
    shutil.rmtree(folder)
    latest.unlink(missing_ok=True)
    if before is not None:
        latest.symlink_to(before)


def test_every_trial_is_a_valid_line_and_every_line_has_its_journal(done):
    run, folder = done
    trials = [r for r in results.read(folder) if not r.warmup]

    assert run.returncode == 0, run.stdout + run.stderr
    assert results.problems(folder) == []
    assert sorted((t.pipeline, t.scenario, t.outcome) for t in trials) == [
        ("complaints", "calm", "unharmed"),
        ("complaints", "killed-after-commit", "resumed"),
        ("complaints", "source-503", "gave_up"),  # two refusals, and nobody retries
        ("github_stats", "calm", "unharmed"),
        ("youtube_stats", "calm", "unharmed"),
    ]
    assert {t.scenario for t in trials if t.truth != "true_success"} == {"source-503"}


def test_a_campaign_that_was_cut_short_goes_on_with_what_is_missing(done, tmp_path):
    _, folder = done
    cut = tmp_path / "cut"
    shutil.copytree(folder, cut)
    lines = (cut / results.LINES).read_text().splitlines(keepends=True)
    gone = json.loads(lines[-1])
    (cut / results.LINES).write_text("".join(lines[:-1]))

    campaign.run(
        campaign.load(cut),
        cut,
        lambda text: None,
        lambda what, n, of: None,
        metadata="sqlite",
        warehouse="sqlite",
    )

    added = [r for r in results.read(cut)[len(lines) - 1 :] if not r.warmup]
    assert [(r.pipeline, r.scenario) for r in added] == [(gone["pipeline"], gone["scenario"])]


def test_the_report_is_made_of_the_results_alone(done):
    _, folder = done
    made = bench("report", str(folder))

    assert made.returncode == 0, made.stderr
    assert "killed-after-commit" in (folder / "report.md").read_text()
    assert "<svg" in (folder / "report.html").read_text()


def test_a_name_that_is_not_there_is_one_sentence_that_lists_what_is(done):
    wrong = bench("run", "--setups", "luigi")

    assert (wrong.returncode, wrong.stderr) == (1, "")
    assert wrong.stdout.startswith("bench: no setup is called luigi; there are: bare/process")
