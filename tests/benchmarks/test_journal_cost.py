"""The journal and its hold points cost nothing when they are off."""

import builtins
import os
import time

import pytest

from shared import journal
from shared.config import settings

MANY = 20_000
MOST_S = 1e-4  # a call; the real figure is about a thousandth of it, so no machine is too slow


@pytest.fixture
def switched(monkeypatch, tmp_path):
    """Return a function that switches the journal and the holds on and off."""

    def switch(**variables):
        for name in ("ETL_JOURNAL", "ETL_HOLDS"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))
        settings.cache_clear()
        settings()

    yield switch
    settings.cache_clear()


@pytest.fixture
def touched(monkeypatch):
    """Return what the journal asked of the system: files, clocks, sleeps."""
    seen = []

    def noticing(name, call):
        return lambda *a, **k: seen.append(name) or call(*a, **k)

    for module, names in {
        os: ("open", "write", "stat"),
        builtins: ("open",),
        time: ("sleep", "monotonic", "time"),
    }.items():
        for name in names:
            monkeypatch.setattr(module, name, noticing(name, getattr(module, name)))
    return seen


def steps():
    with journal.step("load", "r", "k"):
        journal.record("committed", "r", "load", "k", {"rows": 1})


def test_a_journal_that_is_off_opens_no_file_reads_no_clock_and_waits_for_nothing(
    switched, touched, tmp_path
):
    switched()
    touched.clear()
    steps()

    assert touched == []
    assert list(tmp_path.iterdir()) == []


def test_a_journal_that_is_off_holds_nobody_though_a_hold_is_armed(switched, touched, tmp_path):
    switched(ETL_HOLDS=tmp_path)
    journal.hold_file(tmp_path, "r", "committed", "load", "k").touch()
    touched.clear()
    steps()

    assert touched == []


def test_a_journal_without_holds_writes_each_event_once_and_never_waits(
    switched, touched, tmp_path
):
    switched(ETL_JOURNAL=tmp_path)
    touched.clear()
    steps()

    assert (touched.count("open"), touched.count("write")) == (3, 3)
    assert not {"sleep", "stat"} & set(touched)
    assert len((tmp_path / "r.jsonl").read_bytes().splitlines()) == 3


def test_a_hold_that_is_not_armed_never_waits(switched, touched, tmp_path):
    switched(ETL_JOURNAL=tmp_path, ETL_HOLDS=tmp_path / "none")
    touched.clear()
    steps()

    assert "sleep" not in touched


def test_a_detail_that_is_too_long_is_refused_only_when_it_would_be_written(switched, tmp_path):
    switched()
    journal.record("checkpoint", "r", detail="x" * 9000)
    switched(ETL_JOURNAL=tmp_path)

    with pytest.raises(ValueError, match="journal: an event of 9"):
        journal.record("checkpoint", "r", detail="x" * 9000)


def test_a_journal_that_is_off_is_called_at_no_cost_worth_speaking_of(switched):
    switched()
    start = time.process_time()
    for _ in range(MANY):
        journal.record("checkpoint", "r", "extract", "k")

    assert (time.process_time() - start) / MANY < MOST_S
