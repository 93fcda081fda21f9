"""A journal drawn as bars, from histories written by hand."""

import pytest

from benchmarks.report.lanes import bars_of, stacked
from shared.journal import Event


def history(*told: tuple[float, str, str, int]) -> list[Event]:
    return [
        Event(at=at, wall=0, kind=kind, run="r", step=step, key="k" if step else "", pid=pid)
        for at, kind, step, pid in told
    ]


def test_a_step_is_a_bar_from_start_to_finish():
    (bar,) = bars_of(history((1, "started", "load", 5), (3, "finished", "load", 5)), 1)

    assert (bar.start_s, bar.end_s, bar.ending) == (0, 2, "finished")


def test_a_failed_step_says_so():
    (bar,) = bars_of(history((1, "started", "load", 5), (3, "failed", "load", 5)), 0)

    assert bar.ending == "failed"


def test_a_killed_attempt_ends_at_the_next_event_of_its_key():
    first, second = bars_of(
        history(
            (1, "started", "load", 5), (2, "committed", "load", 5), (3, "fault_injected", "", 1),
            (7, "started", "load", 6), (8, "finished", "load", 6),
        ), 0,
    )  # fmt: skip

    assert (first.end_s, first.ending) == (7, "killed")
    assert (second.end_s, second.ending) == (8, "finished")


def test_a_killed_attempt_that_nobody_repeats_ends_with_the_trial():
    (bar,) = bars_of(history((1, "started", "load", 5), (9, "ended", "", 1)), 0)

    assert (bar.end_s, bar.ending) == (9, "killed")


def test_an_attempt_that_outlives_its_successor_keeps_its_own_end():
    first, second = bars_of(
        history(
            (1, "started", "load", 5), (2, "started", "load", 6),
            (3, "finished", "load", 6), (4, "finished", "load", 5),
        ), 0,
    )  # fmt: skip

    assert (first.end_s, second.end_s) == (4, 3)
    assert first.ending == second.ending == "finished"


def test_two_attempts_in_one_process_are_not_mistaken_for_each_other():
    first, second = bars_of(
        history((1, "started", "load", 5), (4, "started", "load", 5), (5, "finished", "load", 5)), 0
    )

    assert (first.end_s, first.ending) == (4, "killed")
    assert (second.end_s, second.ending) == (5, "finished")


@pytest.mark.parametrize(("gap", "rows"), [(0.5, [0, 1]), (1.0, [0, 0])])
def test_only_bars_that_overlap_lie_below_each_other(gap, rows):
    told = history(
        (0, "started", "a", 1), (1, "finished", "a", 1),
        (gap, "started", "b", 2), (gap + 1, "finished", "b", 2),
    )  # fmt: skip

    assert [bar.row for bar in stacked(bars_of(told, 0))] == rows
