"""METG is found between the sizes that bracket it, and nowhere else."""

from __future__ import annotations

import pytest

from benchmarks.granularity import efficiency, metg, with_interval

OVERHEAD_S = 0.2
NOISY = (0.97, 0.98, 0.99, 1.0, 1.01, 1.02, 1.03)
SIZES_S = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0)


def with_overhead(size: float) -> float:
    """Return the efficiency of an engine that adds the same time to every task."""
    return efficiency(size, 10, 10 * (size + OVERHEAD_S), lanes=1)


def test_the_metg_of_an_engine_with_a_constant_overhead_is_exact():
    found = metg({size: [with_overhead(size)] * 3 for size in SIZES_S})

    assert (found.below, found.above) == (0.1, 0.5)
    assert with_overhead(found.task_s) == pytest.approx(with_overhead(5.0) / 2)


def test_the_interval_is_of_the_sizes_around_and_does_not_leave_them():
    samples = {size: [with_overhead(size) * it for it in NOISY] for size in SIZES_S}
    found = with_interval(metg(samples), samples)

    assert 0.1 < found.low < found.task_s < found.high < 0.5
    wide = {0.1: [0.4, 0.41, 0.5, 0.42, 0.4, 0.43], 1.0: [0.1, 0.9, 0.1, 0.9, 0.9, 0.9]}
    assert with_interval(metg(wide, peak=1.0), wide).high == 1.0


def test_three_values_on_one_side_have_no_interval():
    samples = {0.1: [0.3] * 10, 1.0: [0.9] * 3}

    assert with_interval(metg(samples), samples) == metg(samples)


def test_what_is_not_bracketed_is_not_printed():
    found = metg({size: [with_overhead(size)] for size in (1.0, 5.0)})

    assert found.task_s is None and "still efficient at 1000 ms" in found.reason


@pytest.mark.parametrize("samples", [{}, {1.0: [0.5]}, {1.0: [], 2.0: [0.5]}])
def test_fewer_than_two_sizes_say_nothing(samples):
    assert "fewer than two" in metg(samples).reason


def test_more_work_than_time_is_a_mistake_not_a_figure():
    assert "1.40" in metg({0.1: [0.2], 1.0: [1.4]}).reason


def test_the_last_crossing_counts_when_noise_makes_two():
    found = metg({0.1: [0.2], 0.2: [0.6], 0.4: [0.3], 0.8: [1.0]})

    assert (found.below, found.above) == (0.4, 0.8)


def test_two_lanes_halve_the_efficiency_of_a_run_that_uses_one():
    assert efficiency(1.0, 10, 10.0, lanes=2) == 0.5
    assert efficiency(1.0, 1, 1.0, lanes=2) == 1.0  # one step cannot use two
