"""The shadow table tells of every write that was committed, on both warehouses."""

import os
import socket
import time

import pytest
from driving import count
from sqlalchemy import inspect

from shared import complaints, shadow, warehouse
from shared.shadow import WRITES
from shared.warehouse import CHANNELS, COMPLAINT_SUMMARY, QUARANTINE

CHANNEL = ("2026-01-05", "UCa", "Trains", None, 1, 2, None)


@pytest.fixture
def noted(dialect, configure):
    """Note what is written, beginning with nothing."""
    configure(ETL_SHADOW="true")
    warehouse.empty()
    return dialect


def put(*rows, run="r"):
    with warehouse.batch("youtube_stats", run, "k", extracted=len(rows), superseded=0) as batch:
        batch.upsert(CHANNELS, rows)


def writes(run="r"):
    return shadow.writes(warehouse.engine(), run)


def test_without_the_setting_there_is_no_such_table(configure):
    put(CHANNEL)

    assert not inspect(warehouse.engine()).has_table(WRITES.name)
    assert shadow.noted("r") is None


def test_each_row_written_is_noted_with_its_key_its_writer_and_the_clock(noted):
    before = time.monotonic()
    put(CHANNEL)
    (write,) = writes()

    assert (write.table_name, write.key) == ("channels", '["2026-01-05","UCa"]')
    assert (write.host, write.pid) == (socket.gethostname(), os.getpid())
    assert before < write.at < time.monotonic()


def test_a_row_that_is_written_again_is_noted_again(noted):
    put(CHANNEL)
    put(CHANNEL)

    assert count(CHANNELS) == 1
    assert len(writes()) == 2


def test_what_was_rolled_back_is_not_noted(noted):
    with (
        pytest.raises(ZeroDivisionError),
        warehouse.batch("youtube_stats", "r", "k", extracted=1, superseded=0) as batch,
    ):
        batch.upsert(CHANNELS, [CHANNEL])
        raise ZeroDivisionError

    assert writes() == []


def test_what_is_quarantined_or_counted_is_no_row_of_the_data(noted):
    put()

    assert count(warehouse.BATCHES) == 1
    assert (count(QUARANTINE), writes()) == (0, [])


def test_runs_are_told_apart_and_emptied_together(noted):
    put(CHANNEL, run="r")
    put(CHANNEL, run="s")
    before = [len(writes(run)) for run in ("r", "s")]
    warehouse.empty()

    assert (before, writes("r"), writes("s")) == ([1, 1], [], [])


def test_what_a_run_beside_it_wrote_counts_with_it(noted):
    for run in ("r_1", "r_1-again", "rx1-again", "r_12"):
        put(CHANNEL, run=run)

    assert [write.run for write in writes("r_1")] == ["r_1", "r_1-again"]


def test_the_rows_of_the_summary_are_noted_too(noted, served_by, configure):
    configure(ETL_SHADOW="true")
    day = "2026-01-05"
    loaded = complaints.load("r", complaints.transform("r", complaints.extract("r", day)))
    complaints.summarise("r", [loaded])

    told = [write.table_name for write in writes()]
    assert told.count("complaint_summary") == count(COMPLAINT_SUMMARY) > 0
    assert told.count("complaints") == count(warehouse.COMPLAINTS) > 0
