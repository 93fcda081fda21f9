"""Two folders: a planted slowdown is found, two identical ones are not told apart."""

from __future__ import annotations

import random
from dataclasses import replace

from benchmarks import results
from benchmarks.compare import agreement, allowing, compare, drift
from benchmarks.model import Outcome, Truth
from benchmarks.statistics import Verdict
from tests.report import made_up


def folder(factor: float, seed: int, trials: int = 12, **more):
    draw = random.Random(seed)
    return [
        replace(
            made_up.result("airflow", "tuned", "complaints", "calm", number),
            measures={"makespan_s": factor * draw.gauss(3.0, 0.05)},
            **more,
        )
        for number in range(trials)
    ]


def test_a_slowdown_of_a_fifth_is_found():
    (found,) = compare(folder(1.0, 1), folder(1.2, 2))

    assert found.difference.verdict is Verdict.REGRESSED
    assert 0.15 < found.difference.relative < 0.25


def test_two_identical_ones_are_undecided():
    found = compare(folder(1.0, 1), folder(1.0, 2))

    assert [it.difference.verdict for it in found] == [Verdict.UNDECIDED]
    assert agreement(found) == 1.0


def test_what_neither_took_any_of_is_no_figure():
    def plus(results, cpu_s):
        return [replace(it, measures={**it.measures, "control_cpu_s": cpu_s}) for it in results]

    first, second = folder(1.0, 1), folder(1.0, 2)

    assert len(compare(plus(first, 0.0), plus(second, 0.0))) == 1
    assert len(compare(plus(first, 0.0), plus(second, 0.1))) == 2


def slower_host(results, probe_ms):
    noise = {"noise": {"probe_ms": probe_ms, "steal_share": 0.0, "load_1m": 0.0}}
    return [replace(it, environment={**it.environment, **noise}) for it in results]


def test_what_the_host_itself_took_longer_is_not_claimed():
    first, second = slower_host(folder(1.0, 1), 4.0), slower_host(folder(1.2, 2), 4.8)
    change = drift(first, second)

    assert round(change, 6) == 0.2
    slower = compare(first, second)
    assert slower[0].difference.verdict is Verdict.REGRESSED
    assert allowing(slower, change)[0].difference.verdict is Verdict.UNDECIDED
    faster = allowing(compare(second, folder(0.8, 3)), -0.08)
    assert faster[0].difference.verdict is Verdict.IMPROVED


def test_a_host_whose_speed_was_not_kept_is_taken_for_steady():
    bare = [replace(it, environment={}) for it in folder(1.0, 1)]

    assert drift(bare, slower_host(bare, 4.0)) == drift([], []) == 0.0


def test_what_has_too_few_values_does_not_count_as_agreement():
    found = compare(folder(1.0, 1, trials=2), folder(9.0, 2, trials=2))

    assert [it.difference.verdict for it in found] == [Verdict.UNDECIDED]
    assert agreement(found) is None


def test_what_only_one_folder_has_is_no_line():
    other = [replace(r, workload="another") for r in folder(1.0, 2)]

    assert compare(folder(1.0, 1), other) == [] and agreement([]) is None


def test_trials_that_went_wrong_and_warm_ups_have_no_time():
    wrong = folder(9.0, 3, truth=Truth.FALSE_SUCCESS) + folder(9.0, 4, warmup=True)
    wrong += folder(9.0, 5, outcome=Outcome.ERROR, truth=None, error="no port")

    (found,) = compare(folder(1.0, 1) + wrong, folder(1.0, 2))
    assert found.difference.verdict is Verdict.UNDECIDED


def test_the_control_and_what_was_done_again_are_not_compared():
    sound = folder(1.0, 1)
    more = [replace(sound[0], trial=results.REPEATS_FROM + sound[0].trial)]
    environment = {**sound[0].environment, "control": True}
    more += [replace(it, trial=results.CONTROL_FROM + it.trial, environment=environment,
                     measures={"makespan_s": 99.0}) for it in sound]  # fmt: skip
    disturbed = [replace(sound[0], measures={"makespan_s": 99.0}), *sound[1:], *more]

    (found,) = compare(sound, disturbed)
    assert found.second == found.first


def test_trials_of_few_starts_are_too_few():
    first, second = (
        [replace(it, environment={**it.environment, "start": it.trial % 3}) for it in found]
        for found in (folder(1.0, 1), folder(2.0, 2))
    )
    (found,) = compare(first, second)

    assert not found.difference.interval
    assert "3 starts" in found.difference.reason
