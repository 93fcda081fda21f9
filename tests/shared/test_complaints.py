import os
from datetime import date
from pathlib import Path

import orjson
import pytest
from driving import DAY, count, drive, events, loaded, module, python, until

from benchmarks import recording
from benchmarks.source import client, truth
from shared import complaints, journal, staging, warehouse
from shared.complaints import LoopError
from shared.config import ConfigurationError, settings
from shared.http import TransientError
from shared.quarantine import Quarantined
from shared.staging import StagingError
from shared.warehouse import COMPLAINT_SUMMARY, COMPLAINTS, Balance, IncompleteError

NEXT_DAY = "2026-01-06"
BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data" / "cfpb"
# Read now: in a test the ETL_ variables of the caller are gone.
RECORDED = Path(os.environ.get("ETL_RECORDED_PAGES", BESIDE))
EXTRACT = "from shared import complaints; complaints.extract('r', '2026-01-05')"


def rows():
    return list(warehouse.rows(COMPLAINTS))


def expected(*days):
    return sorted(truth.complaints(7, 100, days), key=lambda row: row["complaint_id"])


def asked(source):
    """Return the cursors of the searches that the source served."""
    queries = [request["query"] for request in client.served(source.url)]
    return [q.partition("search_after=")[2].partition("&")[0] for q in queries]


def hit(number, **fields):
    record = {"complaint_id": str(number), "date_received": DAY, "product": "Mortgage", **fields}
    return {"_id": str(number), "_source": record, "sort": [1, str(number)]}


def page(*hits, total=None):
    return orjson.dumps({"hits": {"total": total or len(hits), "hits": hits}})


def normalised(content, offset=0, seen=None):
    aside: list[Quarantined] = []
    made = complaints.normalise(content, offset, set() if seen is None else seen, aside)
    return [dict(zip(COMPLAINTS.c.keys(), row, strict=True)) for row in made], aside


def test_the_plan_has_a_window_for_each_day_both_ends_included():
    assert complaints.plan("r", date(2024, 2, 28), date(2024, 3, 1)) == [
        "2024-02-28", "2024-02-29", "2024-03-01",
    ]  # fmt: skip
    assert complaints.plan("r", date(2026, 1, 5), date(2026, 1, 5)) == [DAY]


def test_a_plan_that_ends_before_it_starts_is_refused():
    with pytest.raises(ConfigurationError, match="the end 2026-01-04 lies before the start 2026"):
        complaints.plan("r", date(2026, 1, 5), date(2026, 1, 4))


def test_a_run_brings_the_ground_truth(served_by, dialect):
    counts = drive(complaints, "r", DAY, NEXT_DAY)

    assert rows() == expected(DAY, NEXT_DAY)
    assert counts == Balance(extracted=200, loaded=200, quarantined=0, superseded=0)


def test_a_window_is_fetched_page_by_page_each_behind_the_last(served_by):
    complaints.extract("r", DAY)
    cursors = asked(served_by)

    assert (len(cursors), cursors[0], len(set(cursors))) == (3, "", 3)
    assert [kind for kind, *_ in events("r")] == ["started", *["checkpoint"] * 3, "finished"]


def test_a_second_run_changes_nothing(served_by):
    drive(complaints, "r", DAY)
    once = warehouse.content_hash("complaints")
    drive(complaints, "s", DAY)

    assert warehouse.content_hash("complaints") == once


def test_the_days_beside_a_window_are_not_in_it(served_by):
    drive(complaints, "r", DAY)

    assert {row["date_received"] for row in rows()} == {DAY}


def test_a_day_without_complaints_is_a_window_like_any_other(served_by):
    client.set_fault(served_by.url, pipeline="complaints", kind="empty")

    assert drive(complaints, "r", DAY) == Balance(0, 0, 0, 0)


def test_a_total_may_be_a_number_as_it_was_until_2021(served_by):
    client.set_fault(served_by.url, pipeline="complaints", kind="old_total", times=3)
    drive(complaints, "r", DAY)

    assert rows() == expected(DAY)
    assert len(asked(served_by)) == 3


@pytest.fixture
def killed(served_by, configure):
    """Return a function that kills an extraction behind its first page, and what it had asked."""

    def after_the_first_page(page_size):
        configure(ETL_PAGE_SIZE=page_size)
        hold = journal.hold_file(settings().holds, "r", "checkpoint", "extract", DAY)
        hold.touch()
        process = python(EXTRACT)
        until(lambda: ("checkpoint", "extract", DAY) in events("r"))
        process.kill()
        process.wait()
        hold.unlink()
        return asked(served_by)

    return after_the_first_page


@pytest.mark.parametrize(("page_size", "then"), [(40, 2), (100, 1)])
def test_an_extraction_that_was_killed_goes_on_behind_the_last_page(
    killed, served_by, page_size, then
):
    before = killed(page_size)
    drive(complaints, "r", DAY)

    assert (before, len(asked(served_by))) == ([""], 1 + then)
    assert "" not in asked(served_by)[1:]
    assert rows() == expected(DAY)


@pytest.mark.parametrize("pages", [1, 2])
def test_an_extraction_that_was_refused_goes_on_behind_the_last_page(served_by, pages):
    client.set_fault(served_by.url, pipeline="complaints", kind="status", after=pages)
    with pytest.raises(TransientError):
        complaints.extract("r", DAY)
    drive(complaints, "r", DAY)

    cursors = asked(served_by)
    assert (len(cursors), len(set(cursors))) == (4, 3)
    assert cursors[pages] == cursors[pages + 1]
    assert rows() == expected(DAY)


def test_an_extraction_that_finished_starts_anew(served_by):
    complaints.extract("r", DAY)
    complaints.extract("r", DAY)

    assert len(asked(served_by)) == 6


def test_a_source_that_repeats_a_page_is_an_error_not_a_loop(served_by):
    client.set_fault(served_by.url, pipeline="complaints", kind="repeat_page", times=None)

    with pytest.raises(LoopError, match="the source repeats a page.*It ignored search_after"):
        complaints.extract("r", DAY)
    assert len(asked(served_by)) == 2


def test_an_empty_page_that_contradicts_those_before_is_not_the_end(served_by):
    client.set_fault(served_by.url, pipeline="complaints", kind="empty", after=1)

    with pytest.raises(TransientError, match="an empty page behind 40 complaints: .* finds 0"):
        complaints.extract("r", DAY)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "DecodeError"),
        (b"[]", "Expected `object`, got `array`"),
        (b"{}", "missing required field `hits`"),
        (b'{"hits": []}', "Expected `object`, got `array` - at `\\$.hits`"),
        (b'{"hits": {"hits": []}}', "missing required field `total`"),
        (b'{"hits": {"total": "many", "hits": []}}', "ValueError"),
        (b'{"hits": {"total": {"value": null}, "hits": []}}', "TypeError"),
        (b'{"hits": {"total": 1, "hits": null}}', "Expected `array`, got `null`"),
        (b'{"timed_out": true, "hits": {"total": 1, "hits": []}}', "a part of the complaints is"),
        (b'{"_shards": {"failed": 1}, "hits": {"total": 1, "hits": []}}', "a part of the complain"),
    ],
)
def test_an_answer_that_is_no_whole_page_is_a_transient_error(content, words):
    with pytest.raises(TransientError, match=words):
        complaints._hits(content, "http://x")


@pytest.mark.parametrize("bad", [{}, {"_id": 1}, {"sort": [1, 2]}, 7, None, "x"])
def test_a_hit_without_an_id_and_a_sort_is_a_transient_error(bad):
    with pytest.raises(TransientError, match="not a page of complaints"):
        complaints._hits(orjson.dumps({"hits": {"total": 1, "hits": [bad]}}), "http://x")


@pytest.mark.parametrize("sort", [None, [1], [1, 2, 3], 7])
def test_a_sort_that_gives_no_cursor_is_a_transient_error(sort):
    with pytest.raises(TransientError, match="a hit without a sort value and id"):
        complaints._advance([complaints.Place(id=1, sort=sort)], set(), "http://x")


def test_a_transform_before_its_extract_says_so():
    with pytest.raises(StagingError, match="the step before has not finished"):
        complaints.transform("r", DAY)


def test_rows_that_changed_after_the_transform_are_not_loaded(served_by):
    complaints.transform("r", complaints.extract("r", DAY))
    chunk = staging.folder("r", "complaints", DAY) / "rows-000001.json"
    chunk.write_bytes(chunk.read_bytes()[:-1])

    with pytest.raises(StagingError, match="rows-000001.json has changed; transform"):
        complaints.load("r", DAY)
    assert loaded("complaints") == 0


def test_of_two_records_with_the_same_id_the_earlier_is_superseded(served_by):
    folder = staging.folder("r", "complaints", DAY)
    staging.write(staging.page(folder, 1), page(hit(1, state="OLD"), hit(2), hit(1, state="MID")))
    staging.write(staging.page(folder, 2), page(hit(1, state="NEW"), hit(3, product=None)))
    staging.write(folder / "extract.json", b'{"pages": [3, 2]}')
    complaints.load("r", complaints.transform("r", DAY))

    assert [(r["complaint_id"], r["state"]) for r in rows()] == [(1, "NEW"), (2, None)]
    assert complaints.summarise("r", [DAY]) == Balance(5, 2, 1, 2)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"complaint_id": "x"}, "complaint_id: String should match"),
        ({"complaint_id": "9" * 19}, "complaint_id: String should match"),
        ({"complaint_id": -1}, "complaint_id: String should match"),
        ({"complaint_id": True}, "complaint_id: "),
        ({"date_received": "soon"}, "date_received: String should match"),
        ({"date_received": "2026-02-30"}, "day is out of range for month"),
        ({"date_received": "２０２６-01-05"}, "date_received: String should match"),
        ({"date_sent_to_company": "2026-13-01T00:00:00"}, "month must be in 1..12"),
        ({"product": ""}, "product: String should have at least 1 character"),
        ({"product": ["Mortgage"]}, "product: Input should be a valid string"),
        ({"company": "A\x00B"}, "a text holds the character NUL"),
        ({"timely": "Maybe"}, "timely: Input should be 'Yes', 'No' or ''"),
    ],
)
def test_a_record_that_does_not_fit_goes_to_quarantine_as_it_came(fields, words):
    bad = hit(7, **fields)
    made, (aside,) = normalised(page(hit(1), bad), offset=40)

    assert [row["complaint_id"] for row in made] == [1]
    assert (aside.position, orjson.loads(aside.record)) == (42, bad["_source"])
    assert words in aside.reason


def test_a_text_that_only_looks_like_nul_is_a_text():
    made, aside = normalised(page(hit(1, company="\\u0000 is written so")))

    assert (made[0]["company"], aside) == ("\\u0000 is written so", [])


def test_what_the_source_may_leave_out_is_null():
    bare = hit(1, complaint_what_happened="", timely="", tags=None)
    (row,), _ = normalised(page(bare))

    assert {name for name, value in row.items() if value is not None} == {
        "complaint_id", "date_received", "product",
    }  # fmt: skip


def test_timely_is_a_boolean_and_a_number_that_should_be_text_is_text():
    (b, a), _ = normalised(page(hit(1, timely="Yes", zip_code=207), hit(2, timely="No")))

    assert (a["timely"], a["zip_code"], b["timely"]) == (True, "207", False)


def test_the_summary_counts_by_day_product_and_state(served_by):
    folder = staging.folder("r", "complaints", DAY)
    staging.write(staging.page(folder, 1), page(hit(1, state="VA"), hit(2, state="VA"), hit(3)))
    staging.write(folder / "extract.json", b'{"pages": [3]}')
    complaints.load("r", complaints.transform("r", DAY))
    complaints.summarise("r", [DAY])

    found = [tuple(row.values()) for row in warehouse.rows(COMPLAINT_SUMMARY)]
    assert found == [(DAY, "Mortgage", "", 1), (DAY, "Mortgage", "VA", 2)]


def test_a_window_that_vanished_from_the_plan_is_noticed(served_by):
    drive(complaints, "r", DAY)

    with pytest.raises(IncompleteError, match=f"nothing was loaded for {NEXT_DAY}"):
        complaints.summarise("r", [DAY, NEXT_DAY])


@pytest.fixture
def replayed(configure):
    """Replay the recorded pages of the real API, and return their folder."""
    folder = RECORDED
    if not (folder / "search-page-1.json").exists():
        pytest.skip("no recorded pages: ETL_RECORDED_PAGES names no folder with search-page-1.json")
    process = module("benchmarks.source", "--port", "0", "--die-with-parent", "--replay", folder)
    configure(ETL_SOURCE_URL=process.stdout.readline().split()[1], ETL_PAGE_SIZE=25)
    yield folder
    process.terminate()
    process.wait()
    process.stdout.close()


def test_fifty_recorded_complaints_become_fifty_rows(replayed):
    workload = recording.workload(replayed)
    counts = drive(complaints, "r", *workload.keys)

    assert counts == Balance(extracted=50, loaded=50, quarantined=0, superseded=0)
    assert rows() == sorted(truth.recorded(replayed), key=lambda row: row["complaint_id"])
    assert count(COMPLAINT_SUMMARY) == len(recording.expected(replayed).rows["complaint_summary"])
