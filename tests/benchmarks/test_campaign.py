"""A campaign on `bare`, by the command line, as a newcomer would: run, resume, report."""

import json
import shutil
import subprocess
from contextlib import nullcontext
from dataclasses import asdict, replace
from types import SimpleNamespace

import orjson
import pytest
from made_up_plans import filled, planned
from typer.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks import campaign, known_bad, plans, results, setups, stack
from benchmarks.model import Finding, Outcome, Truth, Verdict
from benchmarks.orchestrators.services import ROOT, clean_environment, environment_of
from tests.report import made_up


def bench(*words):
    return subprocess.run(
        [environment_of("bench") / "bench", *words],
        cwd=ROOT,
        env=clean_environment({}),
        capture_output=True,
        text=True,
    )


def test_a_journal_of_one_of_several_runs_that_is_missing_is_a_problem(tmp_path):
    own = {**made_up.environment("airflow", "tuned"), "journals": ["journals/a", "journals/b"]}
    (tmp_path / "journals").mkdir()
    (tmp_path / "journals" / "a").touch()
    made = made_up.step_result("airflow", "tuned", "chain-10-noop-runs-2", 1)
    results.append(tmp_path, replace(made, journal="journals/a", environment=own))

    assert results.problems(tmp_path) == [
        "results.jsonl, line 1: the journal journals/b is missing."
    ]


@pytest.mark.parametrize(
    ("asked", "outcome", "left"),
    [
        ("chain-5", Outcome.STUCK, True),
        ("chain-5", Outcome.GAVE_UP, False),
        ("chain-5-runs-4", Outcome.GAVE_UP, True),
        ("chain-5-runs-4", Outcome.UNHARMED, False),
        ("chain-2-payload-100MB", Outcome.GAVE_UP, True),
    ],
)
def test_an_engine_is_started_anew_when_a_run_may_go_on(asked, outcome, left):
    made = replace(made_up.step_result("airflow", "tuned", "chain-10-noop", 1), outcome=outcome)

    assert campaign.leaves_work(plans.Slot("airflow/local/tuned", asked, "calm", 1), made) is left


def test_a_disturbed_trial_of_the_control_is_repeated_as_one(tmp_path):
    quiet, loud = ({"probe_ms": ms, "steal_share": 0.0, "load_1m": 0.1} for ms in (5.0, 50.0))
    environment = made_up.environment("airflow", "tuned")
    told = [(n, {"environment": {**environment, "noise": quiet}}) for n in (1, 2, 3)]
    told.append((2001, {"environment": {**environment, "noise": loud, "control": True}}))
    found = campaign._disturbed(filled(tmp_path, *told))

    assert {key: [s.trial for s in slots] for key, slots in found.items()} == {
        ("airflow/local/tuned", True): [3001]
    }


def test_a_campaign_that_goes_on_repeats_what_is_needed_behind_no_second_warm_up(
    tmp_path, monkeypatch
):
    quiet, loud = ({"probe_ms": ms, "steal_share": 0.0, "load_1m": 0.1} for ms in (5.0, 50.0))
    own = made_up.environment("airflow", "tuned")
    folder = filled(
        tmp_path,
        *((n, {"environment": {**own, "noise": quiet}}) for n in (1, 2, 3)),
        (4, {"environment": {**own, "noise": loud}}),
        (results.REPEATS_FROM, {"workload": "chain-1-noop", "warmup": True}),
    )
    blocks = []
    monkeypatch.setattr(
        campaign, "run_block", lambda plan, surround, block, *_: blocks.append(block)
    )

    def repeated(needless):
        blocks.clear()
        monkeypatch.setattr(campaign, "needed_no_more", lambda plan, folder: needless)
        campaign.repeat_disturbed(planned(), None, folder, print, float("inf"))
        return [slot.trial for block in blocks for slot in block]

    assert repeated(set()) == [results.REPEATS_FROM + 4]
    assert repeated({("airflow/local/tuned", "chain-10-noop", "calm", False)}) == []


def test_a_known_bad_pipeline_whose_fault_misses_its_phase_is_tried_again(tmp_path, monkeypatch):
    said = iter([Verdict.UNKNOWN, Verdict.FAIL])
    tried = []

    def attempt(plan, surround, stand, slot, folder):
        tried.append(stand.warehouse_url)
        made = made_up.result("bare", "default", "complaints", slot.scenario, 1)
        return replace(made, findings=(Finding("truthful", next(said)),))

    monkeypatch.setattr(campaign, "attempt", attempt)
    surround = SimpleNamespace(directory=tmp_path, source_url="http://127.0.0.1:1")
    case = known_bad.CASES["swallows-errors"]
    slot = plans.Slot(case.setup.name, "complaints", case.scenario.name, 1)
    result = campaign.try_case(planned(), surround, case, slot, tmp_path)

    assert len(set(tried)) == 2
    assert result.findings[-1] == Finding("caught", Verdict.PASS, "by the check truthful: ")


def test_the_time_of_a_round_is_known_though_an_engine_did_not_start(tmp_path):
    (tmp_path / "journals").mkdir()
    made = made_up.result("airflow", "tuned", "complaints", "calm", 1)
    environment = {k: v for k, v in made.environment.items() if k != "took_s"}
    broke = {"environment": environment, "journal": "", "outcome": Outcome.ERROR, "truth": None}
    results.append(tmp_path, replace(made, error="broke", **broke))

    assert campaign._next_round_s(planned(), 1, 10.0, tmp_path) >= 0


def test_a_lane_does_its_setups_alone(tmp_path, monkeypatch):
    begun = []
    monkeypatch.setattr(campaign, "note_beforehand", lambda plan, folder: None)
    monkeypatch.setattr(campaign, "repeat_disturbed", lambda *words: None)
    monkeypatch.setattr(
        campaign, "run_block", lambda plan, surround, block, *words: begun.append(block)
    )
    monkeypatch.setattr(campaign.stack, "surrounded", lambda *words, **more: nullcontext())
    filled(tmp_path, (1, {}))

    def run(lane):
        begun.clear()
        plan = planned(repetitions=1, budget_s=1e9)
        campaign.run(plan, tmp_path, print, print, metadata="sqlite", warehouse="sqlite", lane=lane)
        return {block[0].setup for block in begun}

    assert run(plans.Lane(("airflow/local/tuned",))) == {"airflow/local/tuned"}
    assert run(plans.Lane()) == {"bare/process/default", "airflow/local/tuned"}


def test_a_lane_is_of_the_campaigns_own_setups():
    plan = planned()

    assert command._lane(plan, ("airflow/", "prefect/"), "") == (("airflow/local/tuned",), ())
    assert command._lane(plan, (), "calm") == plans.Lane(scenarios=("calm",))
    with pytest.raises(LookupError, match="this campaign has none of these; it has: bare/"):
        command._lane(plan, ("prefect/",), "")
    with pytest.raises(LookupError, match="no scenario is called source-429; there are: calm"):
        command._lane(plan, (), "source-429")


@pytest.mark.parametrize(
    ("asked", "setups", "metadata", "expected"),
    [
        (None, setups.TUNED, "postgresql", True),
        (False, setups.TUNED, "postgresql", False),
        (None, setups.TUNED[:1], "postgresql", False),
        (None, setups.TUNED, "postgresql://me@host", False),
    ],
)
def test_engines_of_the_benchs_own_have_their_faults_at_the_same_time(
    asked, setups, metadata, expected
):
    assert command._side_by_side(asked, setups, metadata, "sqlite") is expected


def test_engines_on_a_server_of_somebody_else_cannot_be_side_by_side():
    with pytest.raises(LookupError, match="databases of the bench's own"):
        command._side_by_side(True, setups.TUNED, "postgresql://me@host", "sqlite")


def test_a_campaign_whose_known_bad_pipelines_were_not_caught_says_so_and_fails(
    tmp_path, monkeypatch
):
    (tmp_path / "journals").mkdir()

    def run(plan, folder, say, progress, *, metadata, warehouse, lane):
        (folder / results.PLAN).write_bytes(orjson.dumps(asdict(plan)))
        for name in plan.known_bad[1:]:
            verdict = Verdict.FAIL if name == "swallows-errors" else Verdict.PASS
            made = made_up.known_bad(name, verdict)
            (folder / made.journal).touch()
            results.append(folder, made)

    monkeypatch.setattr(campaign, "run", run)
    monkeypatch.setattr(results, "new_folder", lambda root, host: tmp_path)
    monkeypatch.setattr(results, "point_latest", lambda root, folder: None)
    monkeypatch.setattr(command, "end_leftovers", lambda: 0)
    ended = CliRunner().invoke(command.app, ["run", "--setups", "bare"])

    wrong = [line for line in ended.stdout.splitlines() if line.startswith("WRONG")]
    refused = "WRONG The results are refused: the known-bad pipeline"
    assert ended.exit_code == 1
    assert wrong == [
        f"{refused} appends-without-key was not caught: it was not run.",
        f"{refused} swallows-errors was not caught: whole says pass.",
    ]


def first_tries(found):
    """Leave out warm-ups, what checked the checks, and what was repeated on a host not quiet."""
    left = [r for r in found if not results.is_known_bad(r)]
    return [r for r in left if not r.warmup and not results.is_repeat(r.trial)]


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
    trials = first_tries(results.read(folder))

    assert run.returncode == 0, run.stdout + run.stderr
    assert results.problems(folder) == []
    assert sorted((t.pipeline, t.scenario, t.outcome) for t in trials) == [
        ("complaints", "calm", "unharmed"),
        ("complaints", "killed-after-commit", "resumed"),
        ("complaints", "source-503", "resumed"),
        ("github_stats", "calm", "unharmed"),
        ("youtube_stats", "calm", "unharmed"),
    ]
    assert {(t.environment["task"], t.environment["control"]) for t in trials} == {
        ("a call; side by side, a thread", False)
    }
    assert {t.truth for t in trials} == {"true_success"}


def test_every_known_bad_pipeline_is_run_once_and_caught_by_its_check(done):
    run, folder = done
    found = [r for r in results.read(folder) if results.is_known_bad(r)]

    assert [r.mode for r in found] == list(known_bad.CASES)
    for result in found:
        (told,) = [f for f in result.findings if f.check == "caught"]
        assert told.verdict is Verdict.PASS
        assert told.reason.startswith(f"by the check {known_bad.CASES[result.mode].check}")
    assert run.stdout.count("known-bad ") == len(found)


def test_of_every_trial_of_a_campaign_with_a_fault_the_writes_are_known(done):
    _, folder = done
    ledgers = {(r.pipeline, r.scenario): r.ledger for r in first_tries(results.read(folder))}

    assert {(it["written"] - it["wasted"], it["late"]) for it in ledgers.values()} == {
        (it["expected"], 0) for it in ledgers.values()
    }
    calm, killed = (ledgers["complaints", it] for it in ("calm", "killed-after-commit"))
    assert (calm["wasted"], calm["recovered"]) == (0, None)
    assert killed["wasted"] >= 100 and killed["recovered"] > 0


def test_a_trial_is_replayed_by_its_name_and_held_against_what_it_was(done):
    _, folder = done
    again = bench("replay", "bare-process-default-complaints-killed-after-commit-1", str(folder))

    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stdout.count("fault_injected") == 2
    assert "outcome: resumed, again" in again.stdout
    assert "truth: true_success, again" in again.stdout


def test_a_known_bad_trial_is_replayed_by_its_line(done):
    _, folder = done
    before = results.read(folder)
    again = bench("replay", "2", str(folder))

    assert before[1].mode == "swallows-errors"
    assert "truth: false_success, again" in again.stdout, again.stdout + again.stderr
    assert results.read(folder) == before


def test_a_campaign_that_was_cut_short_goes_on_with_what_is_missing(done, tmp_path):
    _, folder = done
    cut = tmp_path / "cut"
    shutil.copytree(folder, cut)
    lines = (cut / results.LINES).read_text().splitlines(keepends=True)
    gone = first_tries(results.read(cut))[-1]  # behind it there may be repeats
    left = [line for line in lines if json.loads(line)["journal"] != gone.journal]
    (cut / results.LINES).write_text("".join(left))

    campaign.run(
        plans.load(cut),
        cut,
        lambda text: None,
        lambda what, n, of: None,
        metadata="sqlite",
        warehouse="sqlite",
    )

    rows = results.read(cut)[len(lines) - 1 :]
    added = first_tries(rows)
    assert [(r.pipeline, r.scenario) for r in added] == [(gone.pipeline, gone.scenario)]
    assert not any(map(results.is_known_bad, rows))


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


def test_what_follows_a_stuck_run_is_done_in_another_place_in_its_block_and_behind(
    tmp_path, monkeypatch
):
    surround, places = stack.Local(tmp_path / "runs", metadata="sqlite"), []
    one, two, three = (
        plans.Slot("bare/process/default", "complaints", "calm", n) for n in (1, 2, 3)
    )

    def stuck(plan, surround, stand, slot, folder):
        places.append(stand.journals)
        made = made_up.result("bare", "default", "complaints", "calm", slot.trial)
        return replace(made, outcome=Outcome.STUCK, truth=Truth.LIMBO)

    monkeypatch.setattr(campaign, "attempt", stuck)
    monkeypatch.setattr(campaign, "warm_again", lambda stand: None)
    for block in ([one, two], [three]):
        campaign.run_block(planned(), surround, block, tmp_path, print)

    assert len(set(places)) == 3


@pytest.mark.parametrize(("beside", "loads", "looks"), [(1, [20, 20, 1], 3), (0, [20], 0)])
def test_a_trial_beside_others_waits_until_the_machine_has_room(monkeypatch, beside, loads, looks):
    seen = iter(loads)
    monkeypatch.setattr(campaign, "benches_beside", lambda: beside)
    monkeypatch.setattr(campaign, "ROOM_POLL_S", 0.0)
    monkeypatch.setattr(
        campaign.crowded.__globals__["os"], "getloadavg", lambda: (next(seen), 0, 0)
    )
    monkeypatch.setattr(campaign.crowded.__globals__["os"], "cpu_count", lambda: 2)

    campaign.wait_for_room()

    assert len(loads) - len(list(seen)) == looks
