"""What a campaign is to do: its blocks and slots, and the plan that is kept."""

import itertools
import random
from dataclasses import asdict, replace
from functools import partial

import orjson
import pytest
from made_up_plans import planned

from benchmarks import plans, results
from benchmarks.faults.database import may_mount
from benchmarks.scenarios import NETWORK


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


def test_a_lane_of_some_scenarios_has_blocks_with_trials_of_them_alone():
    plan = planned(control=())
    blocks = plans.slots(plan, 1)
    hurt = [plans.Lane(scenarios=("source-503",)).part(block) for block in blocks]

    assert [[it.warmup or it.scenario for it in block] for block in hurt] == [
        [True, "source-503"]
    ] * 2
    assert plans.Lane(("prefect/process/default",)).part(blocks[0]) == []


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
