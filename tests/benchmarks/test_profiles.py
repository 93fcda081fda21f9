"""How much a campaign does: its profile, or a part of it."""

import pytest

from benchmarks import profiles, setups
from benchmarks.scenarios import SCENARIOS, unsupported
from benchmarks.workloads import named


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


def test_a_part_names_its_setups_or_has_those_of_the_profile():
    profile = profiles.PROFILES["quick"]

    assert profiles.asked_for("quick", "ablation").setups == setups.LADDER
    assert profiles.asked_for("quick", "overhead").setups == profile.setups
    assert profiles.asked_for("quick")[:3] == (profile.workloads, profile.scenarios, profile.setups)
    assert profiles.profile_for("ablation") == "standard" and profiles.profile_for("") == "quick"
    with pytest.raises(LookupError, match="no part of the benchmark is called speed; there are:"):
        profiles.asked_for("quick", "speed")


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


def test_the_part_of_the_faults_has_as_many_calm_trials_as_faults():
    asked = [("quick", "recovery", None), ("full", "recovery", None), ("full", "recovery", 7)]
    others = [("quick", "", None), ("standard", "growth", 4)]

    assert [profiles.repetitions_of(*it) for it in asked] == [1, 3, 7]
    assert [profiles.repetitions_of(*it) for it in others] == [None, 4]
