import contextlib
import os
import signal

import orjson
import pytest
from driving import events, together, until

from shared import journal
from shared.config import settings
from shared.journal import Event

RECORD = """
import sys
from shared import journal
for n in range(200):
    journal.record("checkpoint", "r", "extract", sys.argv[1], {"n": n, "text": "x" * 3000})
"""
HELD = """
from shared import journal
journal.record("committed", "r", "load", "k")
journal.record("finished", "r", "load", "k")
"""


def lines(run="r"):
    return journal.path(settings().journal, run).read_bytes().splitlines()


def test_an_event_holds_both_clocks_who_and_what():
    journal.record("checkpoint", "r", "extract", "k", {"page": 1})
    (event,) = journal.read(journal.path(settings().journal, "r"))

    assert (event.kind, event.run, event.step, event.key) == ("checkpoint", "r", "extract", "k")
    assert (event.pid, event.detail) == (os.getpid(), {"page": 1})
    assert 0 < event.at < event.wall


def test_a_step_says_which_release_it_is_of_where_there_is_one(monkeypatch):
    for release in ("", "7"):
        monkeypatch.setattr(journal, "RELEASE", release)
        with journal.step("extract", "r"):
            pass

    told = [e.detail for e in journal.read(journal.path(settings().journal, "r")) if
            e.kind == "started"]  # fmt: skip
    assert told == [None, {"release": "7"}]


def test_eight_processes_never_interleave_their_events():
    ended = together(RECORD, [[f"key-{n}"] for n in range(8)])
    told = [orjson.loads(line) for line in lines()]

    assert ended == [0] * 8
    assert len(told) == 8 * 200
    for key in {event["key"] for event in told}:
        assert [e["detail"]["n"] for e in told if e["key"] == key] == list(range(200))


def test_an_event_that_does_not_fit_into_one_write_is_refused_and_leaves_nothing():
    with pytest.raises(ValueError, match="the most is 4096"):
        journal.record("checkpoint", "r", detail="x" * 4096)

    assert not journal.path(settings().journal, "r").exists()


def test_the_largest_event_fits():
    room = journal.MAX_LINE_BYTES - len(orjson.dumps(Event(0, 0, "failed", "r", detail=""))) - 1
    journal.append(settings().journal, Event(0, 0, "failed", "r", detail="x" * room))

    assert len(lines()[0]) + 1 == journal.MAX_LINE_BYTES


@pytest.mark.parametrize("words", ["x" * 9000, "é🦀" * 3000, "\x00\n\x1f" * 3000, "\ud800" * 9])
def test_however_long_an_error_is_its_step_is_journalled_and_it_is_raised(words):
    with pytest.raises(LookupError), journal.step("load", "r", "k"):
        raise LookupError(words)

    assert events("r") == [("started", "load", "k"), ("failed", "load", "k")]
    assert b"LookupError: " in lines()[1]


def test_a_step_that_ends_well_is_started_and_finished():
    with journal.step("load", "r", "k"):
        pass

    assert events("r") == [("started", "load", "k"), ("finished", "load", "k")]


def test_what_a_step_says_is_the_detail_of_its_end():
    with journal.step("load", "r", "k") as detail:
        detail["rows"] = 3

    told = journal.read(journal.path(settings().journal, "r"))
    assert [event.detail for event in told] == [None, {"rows": 3}]


def test_a_follower_reads_what_a_reader_reads():
    file = journal.path(settings().journal, "r")
    follower = journal.Follower(file)
    assert list(follower.look()) == []

    for _ in range(2):
        with contextlib.suppress(LookupError), journal.step("load", "r", "k"):
            raise LookupError
        assert tuple(follower.look()) == journal.read(file)
        assert tuple(follower.look()) == journal.read(file)
    assert [event.attempt for event in follower.look()] == [1, 1, 2, 2]


def test_also_an_interrupt_is_journalled_as_a_failure():
    with pytest.raises(KeyboardInterrupt), journal.step("load", "r", "k"):
        raise KeyboardInterrupt

    assert events("r")[-1] == ("failed", "load", "k")


def test_attempts_are_numbered_by_step_and_key():
    for key in ("a", "b", "a"):
        with journal.step("load", "r", key):
            pass
    history = journal.read(journal.path(settings().journal, "r"))

    assert [(e.key, e.attempt) for e in history if e.kind == "started"] == [
        ("a", 1), ("b", 1), ("a", 2),
    ]  # fmt: skip
    assert [e.attempt for e in history if e.kind == "finished"] == [1, 1, 2]


def test_a_journal_is_read_in_the_order_of_the_clock():
    for at in (2.0, 1.0):
        journal.append(settings().journal, Event(at, 0, "started", "r", "load", str(at)))
    history = journal.read(journal.path(settings().journal, "r"))

    assert [e.at for e in history] == [1.0, 2.0]


def test_a_journal_that_is_not_there_holds_no_event(tmp_path):
    assert journal.read(tmp_path / "none.jsonl") == ()


def test_a_run_has_one_file_whatever_it_is_called():
    journal.record("started", "scheduled__2026-01-05T00:00:00+00:00/../x")

    names = [file.name for file in settings().journal.iterdir()]
    assert names == ["scheduled__2026-01-05T00_00_00+00_00_.._x.jsonl"]


@pytest.fixture
def held():
    """Arm the hold point after the commit and return its file and a process that comes to it."""
    from driving import python

    file = journal.hold_file(settings().holds, "r", "committed", "load", "k")
    file.touch()
    process = python(HELD)
    until(lambda: events("r"))
    yield file, process
    process.kill()
    process.wait()


def test_a_hold_point_writes_its_event_first_and_waits_until_it_is_released(held):
    file, process = held
    before = events("r"), process.poll()
    file.unlink()

    assert before == ([("committed", "load", "k")], None)
    assert process.wait(timeout=30) == 0
    assert events("r")[-1] == ("finished", "load", "k")


def test_a_process_killed_at_a_hold_point_leaves_no_later_event(held):
    _, process = held
    process.kill()

    assert process.wait(timeout=30) == -signal.SIGKILL
    assert events("r") == [("committed", "load", "k")]


def test_a_hold_point_of_another_run_step_or_key_holds_nobody():
    for other in (("s", "load", "k"), ("r", "extract", "k"), ("r", "load", "l")):
        journal.hold_file(settings().holds, other[0], "committed", *other[1:]).touch()

    journal.record("committed", "r", "load", "k")
    assert events("r") == [("committed", "load", "k")]


def test_a_narrowed_hold_point_holds_who_waits_there_and_nobody_after(held):
    file, process = held
    (event,) = journal.read(journal.path(settings().journal, "r"))
    journal.narrow(file, event)
    journal.record("committed", "r", "load", "k")  # another attempt: it passes

    assert len(events("r")) == 2
    assert process.poll() is None
    file.unlink()
    assert process.wait(timeout=30) == 0


def woken(pipe):
    """End the call of who waits for the other end of a pipe; return whether somebody did."""
    try:
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def test_a_deaf_hold_point_holds_in_one_call_until_the_pipe_is_opened(held):
    file, process = held
    (event,) = journal.read(journal.path(settings().journal, "r"))
    journal.narrow(file, event, deaf=True)
    journal.record("committed", "r", "load", "k")  # another attempt: it passes
    until(lambda: woken(journal.pipe_of(file)))  # it waits there, and will again

    assert len(events("r")) == 2
    assert process.poll() is None
    file.unlink()
    until(lambda: woken(journal.pipe_of(file)) or process.poll() is not None)
    assert process.wait(timeout=30) == 0


def test_a_point_is_recorded_only_where_it_is_armed():
    journal.point("written", "r", "load", "k")
    before = journal.read(journal.path(settings().journal, "r"))
    file = journal.hold_file(settings().holds, "r", "written", "load", "k")
    file.write_text("another's")
    journal.point("written", "r", "load", "k")

    assert before == ()
    assert events("r") == [("written", "load", "k")]


def test_a_line_of_which_only_the_beginning_is_seen_is_read_when_it_is_whole(tmp_path):
    file = tmp_path / "r.jsonl"
    event = journal.Event(1.0, 1.0, "started", "r", "load", "k")
    journal.append(tmp_path, event)
    whole = file.read_bytes()
    follower = journal.Follower(file)

    file.write_bytes(whole + whole[:42])
    assert [e.kind for e in follower.look()] == ["started"]
    assert [e.kind for e in journal.read(file)] == ["started"]
    file.write_bytes(whole + whole)
    assert [e.attempt for e in follower.look()] == [1, 2]
