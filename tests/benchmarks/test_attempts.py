"""Attempts, from histories written by hand."""

from histories import history

from benchmarks.attempts import attempts, wasted
from shared.journal import Event


def two_processes(*told):
    """Return events of moment, kind and pid, all of the load of one key."""
    return [Event(at, at, kind, "r", "load", "k", pid=pid) for at, kind, pid in told]


def test_an_attempt_lasts_until_its_own_process_tells_of_its_end():
    first, second = attempts(
        two_processes((1, "started", 5), (2, "started", 6), (3, "finished", 6), (7, "failed", 5))
    )

    assert (first.took_s, first.finished, second.took_s, second.finished) == (6, False, 1, True)


def test_an_attempt_that_nobody_ended_worked_until_the_fault():
    (killed,) = attempts(
        history((1, "started", "load"), (2, "committed", "load"), (5, "fault_injected", "load"))
    )

    assert (killed.end, killed.took_s) == (None, 4)


def test_a_fault_after_the_next_start_did_not_end_the_attempt_before():
    told = two_processes((1, "started", 5), (2, "checkpoint", 5), (4, "started", 6))
    told.append(Event(8, 8, "fault_injected", "r", "load", "k"))
    first, second = attempts(told)

    assert (first.took_s, second.took_s) == (1, 4)


def test_the_first_to_finish_is_kept_and_all_others_are_wasted():
    told = two_processes((1, "started", 5), (2, "started", 6), (3, "finished", 6))
    told += two_processes((4, "finished", 5), (5, "started", 7), (6, "finished", 7))

    assert [a.start.pid for a in wasted(told)] == [5, 7]


def test_of_a_unit_that_never_finished_all_attempts_are_wasted():
    told = history((1, "started", "load"), (2, "failed", "load"), (3, "started", "load"))

    assert len(wasted(told)) == 2
