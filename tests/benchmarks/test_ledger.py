from dataclasses import replace

import pytest
from histories import COMPLETE, history
from sqlalchemy import delete, insert, text, update

from benchmarks import ledger
from benchmarks.known_bad import drop_the_key
from benchmarks.workloads import expected_of
from shared import warehouse
from shared.shadow import Write
from shared.warehouse import BATCHES, COMPLAINT_SUMMARY, COMPLAINTS, QUARANTINE

DAY = "2026-01-05"
NAMES = COMPLAINTS.c.keys()


def row(number):
    return dict.fromkeys(NAMES) | {
        "complaint_id": number,
        "date_received": DAY,
        "product": "Mortgage",
        "state": "VA",
        "timely": True,
    }


TRUTH = expected_of([row(1), row(2), row(3)])


@pytest.fixture
def change(warehouse_url):
    """Fill the warehouse with the truth; return a function that changes it."""

    def changed(*statements):
        with warehouse.engine(warehouse_url).begin() as connection:
            for statement in statements:
                connection.execute(statement)

    batch = {"pipeline": "complaints", "run": "r", "key": DAY}
    counts = {"extracted": 3, "loaded": 3, "quarantined": 0, "superseded": 0}
    changed(
        insert(COMPLAINTS).values(list(TRUTH.rows["complaints"])),
        insert(COMPLAINT_SUMMARY).values(list(TRUTH.rows["complaint_summary"])),
        insert(BATCHES).values(batch | counts),
    )
    return changed


@pytest.fixture
def take(warehouse_url):
    return lambda truth=TRUTH: ledger.take("complaints", "r", truth, url=warehouse_url, requests=5)


def test_a_warehouse_that_equals_the_truth_is_complete(change, take):
    found = take()

    assert found.complete
    assert (found.expected, found.present, found.requests) == (4, 4, 5)
    assert (found.lost, found.unexpected, found.duplicated, found.quarantined) == (0, 0, 0, 0)


def test_a_row_that_is_not_there_is_lost(change, take):
    change(delete(COMPLAINTS).where(COMPLAINTS.c.complaint_id == 2))
    found = take()

    assert (found.lost, found.unexpected, found.present) == (1, 0, 3)
    assert not found.complete


def test_a_row_that_nobody_sent_is_unexpected(change, take):
    change(insert(COMPLAINTS).values(row(9)))
    found = take()

    assert (found.lost, found.unexpected, found.duplicated) == (0, 1, 0)
    assert not found.complete


def test_a_row_with_another_value_is_lost_and_unexpected(change, take):
    change(update(COMPLAINTS).where(COMPLAINTS.c.complaint_id == 2).values(state="NY"))

    assert (take().lost, take().unexpected) == (1, 1)


def test_a_count_of_the_summary_that_is_off_is_seen(change, take):
    change(update(COMPLAINT_SUMMARY).values(complaints=2))

    assert (take().lost, take().unexpected) == (1, 1)


def test_a_key_that_stands_twice_is_duplicated(warehouse_url, change, take):
    drop_the_key(warehouse_url)
    rows = [row(1), row(2), row(2), row(2), row(3)]
    change(insert(COMPLAINTS).values(rows))
    found = take()

    assert (found.lost, found.duplicated, found.present) == (0, 2, 6)
    assert not found.complete


@pytest.mark.parametrize(
    "harm",
    [
        update(BATCHES).values(loaded=2),
        update(BATCHES).values(extracted=4),
        insert(QUARANTINE).values(
            pipeline="complaints", run="r", key=DAY, position=1, reason="", record=""
        ),
    ],
    ids=["loaded", "extracted", "quarantined"],
)
def test_stored_counts_that_do_not_add_up_are_seen(change, take, harm):
    change(harm)

    assert not take().balance
    assert not take().complete


def test_as_many_records_as_the_truth_says_must_be_quarantined(change, take):
    more = expected_of(TRUTH.rows["complaints"])

    assert take(more).balance
    assert not take(type(more)(more.rows, quarantined=1)).balance


def test_the_digest_changes_with_the_content_and_not_with_its_order(change, take):
    before = take().digest
    change(delete(COMPLAINTS), insert(COMPLAINTS).values([row(3), row(1), row(2)]))
    reordered = take().digest
    change(text("UPDATE complaints SET product = 'Loan' WHERE complaint_id = 1"))

    assert before == reordered != take().digest


def writes(*told):
    """Return writes of moment and key."""
    return [Write("r", "complaints", key, "h", 1, at) for at, key in told]


FAULTED = history((1, "submitted", "x"), (4, "fault_injected", "load"), (9, "ended", "succeeded"))


def test_what_attempts_wrote_is_counted_by_when_and_how_often():
    right = {("complaints", "[1]"), ("complaints", "[2]"), ("complaints", "[3]")}
    told = writes((2, "[1]"), (3, "[9]"), (5, "[1]"), (6, "[2]"), (7, "[8]"), (10, "[2]"))
    found = ledger.with_writes(COMPLETE, right, told, FAULTED)

    assert (found.written, found.wasted) == (6, 2)
    assert found.recovered == 1  # [1] was there before, [8] is not expected, [3] never written
    assert found.late == 1


def test_what_another_run_wrote_behind_the_end_of_this_one_is_not_late():
    (own,) = writes((10, "[1]"))
    found = ledger.with_writes(COMPLETE, set(), [own, replace(own, run="r-again")], FAULTED)

    assert (found.written, found.late) == (2, 1)


@pytest.mark.parametrize("ended", ["running", "waiting"])
def test_without_a_fault_or_a_final_state_nothing_is_recovered_or_late(ended):
    told = history((1, "submitted", "x"), (9, "ended", ended))
    found = ledger.with_writes(COMPLETE, set(), writes((10, "[1]")), told)

    assert (found.written, found.recovered, found.late) == (1, None, None)


def test_the_right_rows_are_those_that_equal_the_truth(warehouse_url, change):
    change(
        update(COMPLAINTS).where(COMPLAINTS.c.complaint_id == 2).values(state="NY"),
        delete(COMPLAINTS).where(COMPLAINTS.c.complaint_id == 3),
        insert(COMPLAINTS).values(row(9)),
    )
    found = ledger.right_rows("complaints", TRUTH, warehouse_url)

    summary = ("complaint_summary", f'["{DAY}","Mortgage","VA"]')
    assert found == {("complaints", "[1]"), summary}
