"""What a trial waits for, and what is kept of it."""

from dataclasses import replace

from made_up_plans import planned

from benchmarks import plans, rows, setups, together
from benchmarks.model import Struck
from benchmarks.stand import note


def waits_s(plan, slot):
    return rows.phase_s(plan, slot, setups.setup_of(slot.setup))


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


def test_a_calm_trial_meets_an_engine_at_any_moment_of_its_pause_unless_there_is_but_one():
    plan, once = planned(phased=True), planned(phased=False)
    name = "dagster/multiprocess/default"
    slots = [plans.Slot(name, "complaints", "calm", n) for n in range(1, 101)]
    waits = [waits_s(plan, it) for it in slots]

    assert 0 < min(waits) < 1 and 4 < max(waits) < setups.setup_of(name).pause_s == 5
    assert not any(waits_s(once, it) for it in slots)
    for other in ({"warmup": True}, {"scenario": "source-503"}, {"asked": "idle-60"}):
        assert waits_s(plan, replace(slots[0], **other)) == 0


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
