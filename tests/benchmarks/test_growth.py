"""The exponent of a known law is found, and a disturbed value does not bend it."""

from __future__ import annotations

import pytest

from benchmarks.growth import fit


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_law_is_found(exponent):
    found = fit({n: [3.0 * n**exponent] * 3 for n in (1, 10, 50, 200)})

    assert found.exponent == pytest.approx(exponent, abs=1e-9)
    assert found.factor == pytest.approx(3.0)


def test_one_disturbed_value_does_not_bend_it():
    samples = {n: [float(n)] * 5 for n in (1, 10, 50, 200)}
    samples[200][0] = 2000.0

    assert fit(samples).exponent == pytest.approx(1.0, abs=0.05)


def test_two_sizes_fit_everything_and_say_nothing():
    assert fit({1: [1.0], 10: [10.0]}).reason == "2 sizes, 3 are needed"


def test_of_values_that_hardly_differ_there_is_an_exponent_without_an_interval():
    found = fit({n: [2.0] * 10 for n in (1, 10)} | {50: [2.1]})

    assert found.exponent == 0 and found.low is None and found.high is None
