"""A campaign on `bare`, by the command line, as a newcomer would: run, resume, report."""

import itertools
import json
import random
import shutil
import subprocess
from contextlib import nullcontext
from dataclasses import asdict, replace
from functools import partial
from types import SimpleNamespace

import orjson
import pytest
from typer.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks import (
    campaign,
    known_bad,
    plans,
    profiles,
    progress,
    results,
    rows,
    setups,
    stack,
    together,
)
from benchmarks.faults.database import may_mount
from benchmarks.model import Finding, Outcome, Struck, Truth, Verdict
from benchmarks.orchestrators.services import ROOT, clean_environment, environment_of
from benchmarks.scenarios import NETWORK, SCENARIOS, unsupported
from benchmarks.stand import note
from benchmarks.workloads import named
from tests.report import made_up


def bench(*words):
    return subprocess.run(
        [environment_of("bench") / "bench", *words],
        cwd=ROOT,
        env=clean_environment({}),
        capture_output=True,
        text=True,
    )


def planned(**changes):
    plan = plans.plan(
        "made-up", "quick", setups=("bare/process/default", "airflow/local/tuned"),
        workloads=("complaints", "chain-10"), scenarios=("calm", "source-503"), seed=1,
        metadata="sqlite", warehouse="sqlite", repetitions=2, command="bench run",
    )  # fmt: skip
    return replace(plan, **changes)


def waits_s(plan, slot):
    return rows.phase_s(plan, slot, setups.setup_of(slot.setup))


def filled(folder, *told):
    """Return a folder with a line for each trial number, makespan and change."""
    (folder / "journals").mkdir(exist_ok=True)
    for number, change in told:
        made = made_up.step_result("airflow", "tuned", "chain-10-noop", number)
        made = replace(made, journal="", **change)
        results.append(folder, made)
    return folder


def test_the_control_is_a_second_block_of_the_same_setup_with_numbers_of_its_own():
    plan = planned(control=("bare/process/default",))
    first, second = (plans.slots(plan, round_) for round_ in (1, 2))

    assert [len(blocks) for blocks in (first, second)] == [3, 3]
    numbers = [slot.trial for block in first for slot in block if slot.control]
    assert numbers == [2001] * 3  # a warm-up and two calm trials, and no fault
    slots = list(itertools.chain(*first, *second))
    assert len({slot.name for slot in slots}) == len(slots)


def test_a_start_serves_several_repetitions():
    plan = planned(repetitions=5, per_start=2, fault_rounds=1)
    slots = [list(itertools.chain(*plans.slots(plan, n + 1))) for n in range(plan.rounds)]

    assert [len(plans.trials(plan, n)) for n in (1, 2, 3, 4)] == [2, 2, 1, 0]
    assert [sum(slot.warmup for slot in round_) for round_ in slots] == [2, 2, 2]
    assert [sum(slot.scenario != "calm" for slot in round_) for round_ in slots] == [2, 0, 0]
    calm = [s for s in itertools.chain(*slots) if s.scenario == "calm" and not s.warmup]
    assert len({slot.name for slot in calm}) == len(calm) == 2 * 2 * 5


def test_a_campaign_without_control_has_the_order_that_it_always_had():
    order = [block[0].setup for block in plans.slots(planned(), 1)]
    plain = random.Random("1:1").sample(planned().setups, 2)

    assert order == plain


@pytest.mark.parametrize(
    ("profile", "setups", "asked", "control"),
    [
        ("standard", ["bare/process/default", "x"], None, ("bare/process/default",)),
        ("standard", ["bare/process/default"], False, ()),
        ("quick", ["bare/process/default"], None, ()),
        ("quick", ["x", "bare/process/default"], True, ("bare/process/default",)),
        ("quick", ["x", "y"], True, ("x",)),
    ],
)
def test_which_setups_are_run_twice(profile, setups, asked, control):
    assert profiles.control_of(profile, setups, asked) == control


@pytest.mark.parametrize("part", profiles.PARTS)
def test_every_workload_of_a_part_and_of_a_profile_is_one(part):
    asked = (*profiles.asked_for("quick", part).workloads, *profiles.PROFILES["standard"].workloads)

    assert len({named(name).name for name in asked}) == len(set(asked))


def test_the_journal_of_every_run_of_a_trial_is_kept(tmp_path, stand_of):
    stand = stand_of()
    slot = plans.Slot("bare/process/default", "chain-5-runs-4", "calm", 1)
    for run in together.names("r", 4):
        note(stand, run, "submitted", Struck("chain-5"))
    kept = rows.keep_journals(stand, "r", tmp_path, slot)

    assert kept == [
        f"journals/bare-process-default-chain-5-runs-4-calm-1-0{n}.jsonl" for n in (1, 2, 3, 4)
    ]
    assert all((tmp_path / name).is_file() for name in kept)


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


def test_a_disturbed_trial_of_the_control_is_repeated_as_one(tmp_path):
    quiet, loud = ({"probe_ms": ms, "steal_share": 0.0, "load_1m": 0.1} for ms in (5.0, 50.0))
    environment = made_up.environment("airflow", "tuned")
    told = [(n, {"environment": {**environment, "noise": quiet}}) for n in (1, 2, 3)]
    told.append((2001, {"environment": {**environment, "noise": loud, "control": True}}))
    found = campaign._disturbed(filled(tmp_path, *told))

    assert {key: [s.trial for s in slots] for key, slots in found.items()} == {
        ("airflow/local/tuned", True): [3001]
    }


def test_a_plan_of_before_there_was_a_control_can_be_resumed(tmp_path):
    kept = orjson.loads(orjson.dumps(asdict(planned())))
    del kept["control"]
    (tmp_path / plans.PLAN).write_bytes(orjson.dumps(kept))

    assert plans.load(tmp_path) == planned()


def test_a_campaign_goes_on_until_there_are_more_repetitions():
    early = planned(repetitions=3, fault_rounds=3)
    later = plans.more(early, 10)

    assert (later.repetitions, later.fault_rounds) == (10, 10)
    assert plans.slots(later, 2) == plans.slots(early, 2)
    with pytest.raises(LookupError, match="of 10 repetitions"):
        plans.more(later, 3)


def test_the_rows_written_are_noted_in_all_trials_of_a_campaign_with_a_fault():
    assert plans.hurts(planned())
    assert not plans.hurts(planned(scenarios=("calm",)))


def test_a_plan_of_before_there_were_known_bad_pipelines_runs_none(tmp_path):
    kept = orjson.loads(orjson.dumps(asdict(planned(known_bad=("swallows-errors",)))))
    (tmp_path / plans.PLAN).write_bytes(orjson.dumps(kept))
    assert plans.load(tmp_path).known_bad == ("swallows-errors",)

    del kept["known_bad"]
    (tmp_path / plans.PLAN).write_bytes(orjson.dumps(kept))
    assert plans.load(tmp_path).known_bad == ()


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


def test_a_part_names_its_setups_or_has_those_of_the_profile():
    profile = profiles.PROFILES["quick"]

    assert profiles.asked_for("quick", "ablation").setups == setups.LADDER
    assert profiles.asked_for("quick", "overhead").setups == profile.setups
    assert profiles.asked_for("quick")[:3] == (profile.workloads, profile.scenarios, profile.setups)
    assert profiles.profile_for("ablation") == "standard" and profiles.profile_for("") == "quick"
    with pytest.raises(LookupError, match="no part of the benchmark is called speed; there are:"):
        profiles.asked_for("quick", "speed")


def test_a_calm_trial_meets_an_engine_at_any_moment_of_its_pause_unless_there_is_but_one():
    plan, once = planned(phased=True), planned(phased=False)
    name = "dagster/multiprocess/default"
    slots = [plans.Slot(name, "complaints", "calm", n) for n in range(1, 101)]
    waits = [waits_s(plan, it) for it in slots]

    assert 0 < min(waits) < 1 and 4 < max(waits) < setups.setup_of(name).pause_s == 5
    assert not any(waits_s(once, it) for it in slots)
    for other in ({"warmup": True}, {"scenario": "source-503"}, {"asked": "idle-60"}):
        assert waits_s(plan, replace(slots[0], **other)) == 0


def test_a_trial_knows_in_which_start_of_its_engine_it_was_done():
    plan = planned(per_start=5, repetitions=10)
    bare = partial(plans.Slot, "bare/process/default", "complaints")

    assert [plans.start_of(plan, bare("calm", n)) for n in (1, 5, 6, 10)] == [1, 1, 2, 2]
    assert plans.start_of(plan, bare("calm", results.CONTROL_FROM + 6)) == 2
    assert plans.start_of(plan, bare("source-503", 2)) == 2
    assert plans.start_of(plan, bare("calm", 2, warmup=True)) == 2
    assert plans.start_of(plan, bare("calm", results.REPEATS_FROM + 6)) == 0


def test_every_block_of_a_plan_defines_the_same_sizes():
    plan = planned(workloads=("chain-10", "fib_40_10", "complaints"))

    assert plans.sizes(plan) == "1,10,40"
    assert plans.sizes(plan, [plans.Slot("bare", "chain-5", "calm", 1)]) == "1,5,10,40"


def test_large_sizes_have_a_start_and_definitions_of_their_own():
    asked = ("chain-10", "fanout-1000", "chain-1000")
    plan = planned(setups=("dagster/multiprocess/default",), workloads=asked, scenarios=("calm",))
    small, large = plans.slots(plan, 1)

    assert [it.asked for it in small if not it.warmup] == ["chain-10"]
    assert {it.asked for it in large} == {"fanout-1000", "chain-1000"}
    assert (plans.sizes(plan, small), plans.sizes(plan, large)) == ("1,10", "1,1000")
    only = plans.slots(replace(plan, workloads=asked[1:]), 1)
    assert [[it.warmup for it in block] for block in only] == [[True, False, False]]


def test_a_campaign_may_go_on_with_more_workloads():
    plan = plans.wider(planned(workloads=("complaints",)), ("chain-10", "complaints"))

    assert plan.workloads == ("complaints", "chain-10-noop")


def test_an_engine_is_watched_at_rest_before_it_has_done_other_runs():
    asked = ("chain-5-runs-16", "dispatch", "idle-60", "chain-4-busy-10")
    plan = planned(setups=("airflow/local/tuned",), workloads=asked)
    for round_ in (1, 2):
        warm, first, *_ = plans.slots(plan, round_)[0]
        assert (warm.warmup, first.asked) == (True, "idle-60")


def test_larger_tasks_are_needless_where_a_setup_is_as_good_as_fully_efficient(tmp_path):
    sizes = ("chain-4-busy-1000", "chain-4-busy-10", "chain-4-busy-10000", "chain-4-busy-30000")
    name, other = "airflow/local/tuned", "fanout-4-busy-10000"
    plan = planned(workloads=(*sizes, other, "complaints"), per_start=1, repetitions=3)
    (tmp_path / "journals").mkdir()
    for amount, makespan_s in ((10, 1.0), (1000, 5.0), (10_000, 41.0)):
        made = made_up.step_result("airflow", "tuned", f"chain-4-busy-{amount}", 1)
        measures = {**made.measures, "makespan_s": makespan_s}
        results.append(tmp_path, replace(made, journal="", measures=measures))

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
    (tmp_path / "journals").mkdir()
    for amount, makespan_s in ((100, 11.0), (1000, 12.0), (10_000, 64.0), (30_000, 144.0)):
        made = made_up.step_result("airflow", "tuned", f"chain-4-busy-{amount}", 1)
        measures = {**made.measures, "makespan_s": makespan_s}
        results.append(tmp_path, replace(made, journal="", measures=measures))

    assert progress.needed_no_more(plan, tmp_path) == {
        ("airflow/local/tuned", "chain-4-busy-30000", "calm", False)
    }


def test_the_time_of_a_round_is_known_though_an_engine_did_not_start(tmp_path):
    (tmp_path / "journals").mkdir()
    made = made_up.result("airflow", "tuned", "complaints", "calm", 1)
    environment = {k: v for k, v in made.environment.items() if k != "took_s"}
    broke = {"environment": environment, "journal": "", "outcome": Outcome.ERROR, "truth": None}
    results.append(tmp_path, replace(made, error="broke", **broke))

    assert campaign._next_round_s(planned(), 1, 10.0, tmp_path) >= 0


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


def test_faults_alone_are_few_on_tuned_setups_or_all_on_all_variants():
    quick, full = (profiles.asked_for(it, "recovery") for it in ("quick", "full"))

    assert set(quick.scenarios) < set(full.scenarios) == set(SCENARIOS)
    assert quick.setups == setups.TUNED
    assert set(quick.setups) < set(full.setups) == {s.name for s in setups.chosen(setups.HURT)}
    assert profiles.asked_for("quick").scenarios == quick.scenarios
    contained = profiles.asked_for("quick", contained=True).scenarios
    assert "worker-killed" in contained and "power-lost" not in contained
    assert profiles.asked_for("full", contained=True).scenarios == full.scenarios
    for name in quick.scenarios:
        assert not any(unsupported(name, setups.setup_of(it)) for it in quick.setups)


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


def test_the_faults_that_are_left_are_those_without_a_row(tmp_path):
    plan = planned(repetitions=1, fault_rounds=1, control=())
    both = progress.faults_left(plan, tmp_path)
    made = made_up.result("airflow", "tuned", "complaints", "source-503", 1)
    (tmp_path / "journals").mkdir()
    results.append(tmp_path, replace(made, journal="", mode="local"))

    assert both == sorted(both, reverse=both[0].startswith("bare"))
    assert len(both) == 2
    assert progress.faults_left(plan, tmp_path) == ["bare-process-default-complaints-source-503-1"]


def test_a_lane_of_some_scenarios_has_blocks_with_trials_of_them_alone():
    plan = planned(control=())
    blocks = plans.slots(plan, 1)
    hurt = [plans.Lane(scenarios=("source-503",)).part(block) for block in blocks]

    assert [[it.warmup or it.scenario for it in block] for block in hurt] == [
        [True, "source-503"]
    ] * 2
    assert plans.Lane(("prefect/process/default",)).part(blocks[0]) == []


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


def test_the_part_of_the_faults_has_as_many_calm_trials_as_faults():
    asked = [("quick", "recovery", None), ("full", "recovery", None), ("full", "recovery", 7)]
    others = [("quick", "", None), ("standard", "growth", 4)]

    assert [profiles.repetitions_of(*it) for it in asked] == [1, 3, 7]
    assert [profiles.repetitions_of(*it) for it in others] == [None, 4]


def test_a_setup_in_brief_runs_the_first_workload_alone():
    plan = planned(brief=("airflow/local/tuned",), scenarios=("calm",))
    calm = {
        block[0].setup: {it.asked for it in block if not it.warmup}
        for block in plans.slots(plan, 1)
    }

    assert calm == {
        "airflow/local/tuned": {"complaints"},
        "bare/process/default": set(plan.workloads),
    }


def test_a_setup_may_have_its_faults_once_however_many_repetitions_there_are():
    plan = planned(once=("airflow/local/tuned",), repetitions=3, fault_rounds=3)
    hurt = [
        sorted(block[0].setup for block in plans.slots(plan, round_)
               if any(it.scenario == "source-503" for it in block))
        for round_ in (1, 2, 3)
    ]  # fmt: skip

    both = ["airflow/local/tuned", "bare/process/default"]
    assert hurt == [both, both[1:], both[1:]]


def test_what_a_fault_alone_needs_is_there_in_starts_of_their_own():
    apart = {
        "link": {scenario.name for scenario in NETWORK},
        "code": {"redeployed-new-code"},
        "disk": {"metadata-disk-full"} if may_mount() else set(),
    }
    plan = planned(
        setups=("prefect/process/default",),
        control=(),
        scenarios=("calm", "source-503", "redeployed", *itertools.chain(*apart.values())),
        metadata="postgresql",
    )
    plain, *others = ({slot.scenario for slot in block} for block in plans.slots(plan, 1))

    assert plain == {"calm", "source-503", "redeployed"}
    assert others == [it for it in apart.values() if it]


def test_a_setup_that_is_spared_has_calm_trials_alone():
    plan = planned(spared=("airflow/local/tuned",))
    slots = list(itertools.chain(*plans.slots(plan, 1)))

    hurt = {slot.setup for slot in slots if slot.scenario != "calm"}
    assert hurt == {"bare/process/default"}
    assert {slot.setup for slot in slots} == set(plan.setups)


def test_the_moment_of_submission_is_seeded_and_uniform():
    plan = planned()
    slots = [plans.Slot("bare/process/default", "dispatch", "calm", n) for n in range(1, 401)]
    waits = [waits_s(plan, it) for it in slots]

    assert waits == [waits_s(plan, it) for it in slots]
    assert waits != [waits_s(planned(seed=2), it) for it in slots]
    for period in (0.2, 1, 5, 10):  # of an engine's looks for runs
        early = sum(wait % period < period / 2 for wait in waits)
        assert 160 < early < 240
    assert waits_s(plan, replace(slots[0], asked="chain-1")) == 0


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
