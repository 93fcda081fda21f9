from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.statistics import Sample, Verdict, compare, outliers, ratio, summarise

TEN = [1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 1.01, 0.99, 1.0, 1.0]
values = st.lists(st.floats(0.001, 1000), min_size=1, max_size=12)


def test_no_values_have_no_summary():
    assert summarise([]) is None


def test_fewer_than_six_values_get_their_range_and_say_so():
    told = summarise([3.0, 1.0, 2.0])

    assert told is not None
    assert (told.median, told.low, told.high, told.interval) == (2.0, 1.0, 3.0, False)


def test_six_values_get_an_interval_but_stay_indicative():
    told = summarise([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])

    assert told is not None
    assert told.interval and told.indicative
    assert 1.0 <= told.low <= told.median == 3.5 <= told.high <= 6.0


def test_ten_values_are_a_figure():
    told = summarise(TEN)

    assert told is not None and not told.indicative


def test_the_same_seed_gives_the_same_interval():
    sample = [float(it * it) for it in range(11)]

    assert summarise(sample, seed=1) == summarise(sample, seed=1)


@settings(max_examples=25, deadline=None)
@given(values)
def test_the_median_lies_within_what_is_printed_around_it(sample):
    told = summarise(sample)

    assert told is not None and told.low <= told.median <= told.high


def test_equal_values_give_an_interval_without_width():
    told = summarise([2.0] * 8)

    assert told is not None and (told.low, told.high) == (2.0, 2.0)


def test_clearly_less_is_improved_and_clearly_more_is_regressed():
    double = [2 * it for it in TEN]

    assert compare(double, TEN).verdict is Verdict.IMPROVED
    assert compare(TEN, double).verdict is Verdict.REGRESSED


def test_a_certain_difference_below_the_noise_gate_is_undecided():
    steady = [1.0 + it / 10_000 for it in range(10)]
    found = compare(steady, [it * 1.03 for it in steady])

    assert found.low > 0
    assert found.verdict is Verdict.UNDECIDED
    assert "noise gate" in found.reason


def test_a_large_but_uncertain_difference_is_undecided():
    found = compare([1.0, 9.0, 2.0, 8.0, 3.0, 7.0], [2.0, 10.0, 3.0, 9.0, 4.0, 8.0])

    assert found.relative is not None and found.relative > 0.05
    assert found.verdict is Verdict.UNDECIDED


def test_values_of_fewer_than_three_starts_never_decide():
    found = compare([1.0, 1.0], [9.0] * 20)

    assert found.verdict is Verdict.UNDECIDED
    assert (found.low, found.high, found.interval, found.p) == (8.0, 8.0, False, None)
    assert not found.counts


@pytest.mark.parametrize(
    ("many", "p", "verdict"),
    [
        (3, 2 / 20, Verdict.UNDECIDED),
        (5, 2 / 56, Verdict.REGRESSED),
        (10, 2 / 286, Verdict.REGRESSED),
    ],
)
def test_three_values_decide_against_enough_others_where_none_overlap(many, p, verdict):
    """Of three and n values there are (n + 3 over 3) divisions; 2 of them leave no overlap."""
    found = compare([1.0 + it / 100 for it in range(many)], [9.0, 9.1, 9.2])

    assert (found.verdict, found.interval) == (verdict, False)
    assert found.p == pytest.approx(p)
    assert found.counts is (verdict is Verdict.REGRESSED)


@pytest.mark.parametrize("greatest", [9.05, 99.0])
def test_three_values_among_others_decide_nothing(greatest):
    found = compare([*[1.0] * 9, greatest], [9.0, 9.1, 9.2])

    assert found.verdict is Verdict.UNDECIDED


def test_three_values_that_are_hardly_less_decide_nothing():
    found = compare([1.0 + it / 1000 for it in range(10)], [0.98, 0.981, 0.982])

    assert found.verdict is Verdict.UNDECIDED
    assert "noise gate" in found.reason


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.1, 10), min_size=6, max_size=9), st.integers(0, 9))
def test_a_sample_against_itself_is_undecided(sample, seed):
    assert compare(sample, sample, seed).verdict is Verdict.UNDECIDED


def test_a_first_median_of_zero_has_no_relative_difference():
    assert compare([0.0], [1.0]).relative is None


def test_nothing_can_be_compared_with_nothing():
    with pytest.raises(ValueError, match="two samples"):
        compare([], [1.0])


def test_an_outlier_is_labelled_and_stays():
    assert outliers([1.0, 1.1, 0.9, 1.0, 9.0]) == [False, False, False, False, True]


def test_an_outlier_among_equal_values_is_labelled():
    assert outliers([1.0] * 9 + [5.0]) == [False] * 9 + [True]


def test_equal_values_and_no_values_have_no_outliers():
    assert outliers([2.0, 2.0, 2.0]) == [False] * 3
    assert outliers([]) == []


def test_a_ratio_is_that_of_the_medians_with_its_interval():
    first, second = [10.0, 11, 12, 9, 10, 10], [2.0, 2.2, 1.8, 2, 2, 2.1]
    found = ratio(first, second)

    assert found.value == pytest.approx(0.2)
    assert found.interval and 0.15 < found.low <= 0.2 <= found.high < 0.25


def test_a_ratio_of_few_values_has_their_range():
    found = ratio([10.0, 20], [1.0, 4])

    assert (found.low, found.high, found.interval) == (0.05, 0.4, False)


@pytest.mark.parametrize(("first", "second"), [([], [1.0]), ([1.0], []), ([0.0], [1.0])])
def test_there_is_no_ratio_to_nothing(first, second):
    assert ratio(first, second) is None


def drifting(level: float, starts: int, each: int = 2) -> Sample:
    """Make values that differ from start to start, and hardly within one."""
    drift = [level + 0.2 * (number % 5) for number in range(starts)]
    pairs = [(value + 0.001 * n, start) for start, value in enumerate(drift) for n in range(each)]
    return Sample(*zip(*pairs, strict=True))


def test_values_of_one_start_are_no_more_certain_than_one_of_them():
    paired, alone = drifting(1.0, 10), drifting(1.0, 10, each=1)
    of_starts, of_one, of_values = map(summarise, (paired, alone, list(paired)))

    assert of_starts.interval and of_starts.n == 20
    assert of_starts.high - of_starts.low == pytest.approx(of_one.high - of_one.low, abs=0.01)
    assert of_starts.high - of_starts.low > of_values.high - of_values.low


def test_many_values_of_few_starts_have_no_interval():
    few = drifting(1.0, 2, each=5)

    assert summarise(few).interval is False
    found = compare(few, drifting(3.0, 10))
    assert (found.verdict, found.p) == (Verdict.UNDECIDED, None)
    assert "2 starts" in found.reason
    assert ratio(few, few).interval is False


def test_whole_starts_are_permuted():
    """Of five starts each there are 252 divisions; 6 at either end have medians as far apart."""
    found = compare(drifting(1.0, 5), drifting(9.0, 5))

    assert found.verdict is Verdict.REGRESSED
    assert found.p == pytest.approx(12 / 252)


def of_sizes(sizes: Iterable[int], values: Iterable[float]) -> Sample:
    """Make a sample of which each start has so many of the values."""
    starts = (start for start, size in enumerate(sizes) for _ in range(size))
    return Sample(values, starts)


LOW = of_sizes([1, 2, 2, 2, 3], [13.8, 11.8, 13.5, 13.6, 11.2, 13.2, 12.7, 10.8, 11.3, 11.3])
HIGH = [23.5, 21.4, 28.7, 21.7, 29.6, 26.2, 25.1, 25.0, 25.7, 25.4]


def test_a_start_that_holds_most_values_does_not_hide_that_none_overlap():
    """Of five starts and five 2 of 252 divisions leave no overlap; 28 have medians as far apart."""
    found = compare(LOW, of_sizes([1, 1, 1, 1, 6], HIGH))

    assert (found.verdict, found.interval) == (Verdict.REGRESSED, True)
    assert found.p == pytest.approx(2 / 252)
    assert found.reason.startswith("no overlap, rank test")


def test_where_some_overlap_ranks_do_not_decide():
    found = compare(LOW, of_sizes([1, 1, 1, 1, 6], [*HIGH[:-1], 12.0]))

    assert (found.verdict, found.interval) == (Verdict.UNDECIDED, True)
    assert "permutation test" in found.reason


def test_starts_with_more_and_fewer_values_count_with_all_of_them():
    uneven = Sample([1.0, 1.1, 2.0, 3.0, 4.0, 5.0, 6.0], [1, 1, 2, 3, 4, 5, 6])
    told = summarise(uneven)

    assert told.median == 3.0
    assert 1.0 <= told.low <= 3.0 <= told.high <= 6.0


def test_the_halves_of_a_sample_share_no_start():
    one, other = drifting(1.0, 6).halves()

    assert (set(one.starts), set(other.starts)) == ({0, 2, 4}, {1, 3, 5})
    assert len(one) == len(other) == 6


def test_each_value_has_a_start():
    with pytest.raises(ValueError, match="2 values, and starts of 1"):
        Sample([1.0, 2.0], [1])
