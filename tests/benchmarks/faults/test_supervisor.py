"""Services that die are started again, as often as a restart policy would."""

from types import SimpleNamespace

import pytest

from benchmarks.faults import supervisor


def world(*errors):
    """Return a place whose engine dies so often on its way up, and the starts that were tried."""
    left, starts = list(errors), []

    def start():
        starts.append(len(starts))
        if left:
            raise left.pop(0)

    return SimpleNamespace(orchestrator=SimpleNamespace(start=start)), starts


def test_what_dies_on_the_way_up_is_started_again():
    place, starts = world(RuntimeError("scheduler ended by itself"), RuntimeError("again"))
    supervisor.start_again(place)

    assert len(starts) == 3


def test_what_dies_every_time_and_what_is_never_ready_break_the_trial():
    place, starts = world(*[RuntimeError("ended by itself")] * supervisor.STARTS)
    with pytest.raises(RuntimeError, match="ended by itself"):
        supervisor.start_again(place)
    assert len(starts) == supervisor.STARTS

    place, starts = world(TimeoutError("not ready"))
    with pytest.raises(TimeoutError):
        supervisor.start_again(place)
    assert len(starts) == 1
