import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.source import complaints, page, vocabulary
from benchmarks.source.window import Window


def ids(response):
    return [hit["_id"] for hit in response.json()["hits"]["hits"]]


def after(response):
    return "{}_{}".format(*response.json()["hits"]["hits"][-1]["sort"])


def test_search_after_leads_through_every_complaint_of_the_window_once(search):
    response, found = search(size=30), []
    while ids(response):
        found += ids(response)
        response = search(size=30, search_after=after(response))

    assert len(found) == len(set(found)) == 100
    assert found == sorted(found, reverse=True)


def test_frm_is_validated_and_does_not_page(search):
    assert ids(search(frm=10)) == ids(search())
    assert search(frm=15).json() == {"non_field_errors": ["frm is not zero or a multiple of size"]}


def test_a_search_after_that_cannot_be_parsed_gives_page_1_again(search):
    first = ids(search())

    assert ids(search(search_after="1767632400000-1000")) == first
    assert ids(search(search_after="soon_1")) == first
    assert ids(search(search_after="1_2_3")) == first


def test_break_points_continue_like_the_last_hit_of_a_page(search):
    first = search()
    points = first.json()["_meta"]["break_points"]

    assert "{}_{}".format(*points["2"]) == after(first)
    assert list(points) == [str(n) for n in range(2, 11)]


def test_a_page_larger_than_the_look_ahead_has_no_break_points(search):
    assert search(size=250, date_received_max="2026-01-09").json()["_meta"]["break_points"] == {}


def test_unknown_parameters_are_ignored_so_that_a_typo_returns_everything(search):
    everything = search().json()["hits"]["total"]

    assert search(prodct="Mortgage").json()["hits"]["total"] == everything
    assert search(product="Mortgage").json()["hits"]["total"]["value"] < everything["value"]


def test_date_received_max_is_inclusive(search):
    days = {
        hit["_source"]["date_received"][:10]
        for hit in search(size=300, date_received_max="2026-01-06").json()["hits"]["hits"]
    }

    assert days == {"2026-01-05", "2026-01-06"}


def test_the_total_is_an_object(search):
    assert search().json()["hits"]["total"] == {"value": 100, "relation": "eq"}


def test_ids_are_strings_and_optional_fields_are_null_redacted_or_absent(search):
    hits = search(size=2000, date_received_max="2026-01-20").json()["hits"]["hits"]
    fields = [hit["_source"] for hit in hits]

    assert all(isinstance(f["complaint_id"], str) and f["complaint_id"].isdigit() for f in fields)
    assert all(hit["_score"] is None for hit in hits)
    assert {"XXXXX", None} < {f["zip_code"] for f in fields}
    assert any((f["zip_code"] or "").endswith("XX") for f in fields)
    for name in ("state", "sub_product", "sub_issue", "tags", "company_public_response"):
        assert None in {f[name] for f in fields}, name
    told = {f.get("complaint_what_happened", "absent") for f in fields}
    assert {"", None, "absent"} < told


def test_aggregations_are_huge_unless_they_are_declined(search):
    with_them = search(no_aggs=None)

    assert len(with_them.content) > 3 * len(search().content)
    assert search().json()["aggregations"] == {}
    assert "state" in with_them.json()["aggregations"]


def test_a_twenty_first_search_in_a_minute_is_throttled_and_told_when_to_return(source_url, search):
    from benchmarks.source import client

    client.set_limits(source_url, searches_per_minute=20)
    statuses = [search().status_code for _ in range(20)]
    refused = search()

    assert set(statuses) == {200}
    assert refused.status_code == 429
    seconds = int(refused.headers["Retry-After"])
    assert 0 < seconds <= 60
    words = f"Request was throttled. Expected available in {seconds} seconds."
    assert refused.json() == {"detail": words}


@pytest.mark.parametrize(
    ("wrong", "errors"),
    [
        ({"size": "x"}, {"size": ["A valid integer is required."]}),
        ({"size": 100_001}, {"size": ["Ensure this value is less than or equal to 100000."]}),
        ({"frm": -1}, {"frm": ["Ensure this value is greater than or equal to 0."]}),
        ({"sort": "date"}, {"sort": ['"date" is not a valid choice.']}),
        (
            {"date_received_min": "2026-02-30"},
            {"date_received_min": [
                "Date has wrong format. Use one of these formats instead: YYYY-MM-DD."
            ]},
        ),
    ],
)  # fmt: skip
def test_a_parameter_that_does_not_fit_gives_the_serializers_dict(search, wrong, errors):
    response = search(**wrong)

    assert (response.status_code, response.json()) == (400, errors)


def test_a_browser_gets_html_unless_it_asks_for_a_format(get):
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    narrow = {"size": 1, "date_received_min": "2026-01-15"}

    assert "text/html" in get(page.PATH, headers=browser, **narrow).headers["Content-Type"]
    assert get(page.PATH, headers=browser, format="default", **narrow).json()["hits"]


def test_an_export_is_an_array_of_raw_hits_and_ignores_size(search):
    assert len(search(format="json", size=5).json()) == 100


def test_a_json_export_of_more_than_100_000_rows_is_refused(search):
    response = search(format="json", date_received_min="2012-01-01")

    assert response.status_code == 400


def test_the_default_order_is_relevance_and_its_sort_value_is_a_score(search):
    first = search(sort=None)
    hit = first.json()["hits"]["hits"][0]

    assert hit["sort"] == [0.0, hit["_id"]]
    assert hit["_score"] == 0.0
    assert not set(ids(first)) & set(ids(search(sort=None, search_after=after(first))))


def test_the_ascending_order_is_the_descending_one_reversed(search):
    assert ids(search(size=100, sort="created_date_asc")) == ids(search(size=100))[::-1]


def test_filters_repeat_and_not_filters_drop(search):
    both = search(size=100, state=["TX", "FL"]).json()["hits"]["hits"]
    others = search(size=100, not_state=["TX", "FL"]).json()["hits"]["hits"]

    assert {hit["_source"]["state"] for hit in both} == {"TX", "FL"}
    assert len(both) + len(others) == 100


def test_a_bullet_joins_product_and_sub_product_in_a_filter(search):
    found = search(size=100, product="Mortgage•FHA mortgage", date_received_max="2026-01-20")
    subs = {hit["_source"]["sub_product"] for hit in found.json()["hits"]["hits"]}

    assert subs == {"FHA mortgage"}


def test_a_filtered_search_pages_through_all_that_it_counts(search):
    response, found = search(size=7, state="TX", date_received_max="2026-01-12"), []
    total = response.json()["hits"]["total"]["value"]
    while ids(response):
        found += ids(response)
        response = search(
            size=7, state="TX", date_received_max="2026-01-12", search_after=after(response)
        )

    assert len(set(found)) == len(found) == total > 20


def test_a_document_is_a_search_with_one_hit_or_none(search, get):
    hit = search(size=1).json()["hits"]["hits"][0]

    assert get(page.PATH + hit["_id"]).json()["hits"]["hits"] == [hit]
    assert get(page.PATH + "12").json()["hits"]["hits"] == []


def test_without_a_last_day_the_window_ends_today(search):
    response = search(date_received_max=None)

    assert response.json()["hits"]["hits"][0]["_source"]["date_received"][:10] == "2026-01-15"


def test_the_fields_are_those_of_the_recorded_pages(recorded_pages, search):
    recorded = json.loads((recorded_pages / "search-page-1.json").read_bytes())
    made = search(size=100).json()
    same = [hit for hit in made["hits"]["hits"] if "complaint_what_happened" in hit["_source"]][0]

    assert same.keys() == recorded["hits"]["hits"][0].keys()
    assert same["_source"].keys() == recorded["hits"]["hits"][0]["_source"].keys()
    assert made.keys() == recorded.keys()
    assert made["_meta"].keys() == recorded["_meta"].keys()


def test_the_sort_value_is_that_of_the_recorded_day():
    assert complaints.received_ms(date(2024, 11, 6)) == 1730912400000


@given(st.integers(0, 2**64 - 1), st.integers(0, complaints.IDS_A_DAY - 1), st.booleans())
def test_the_bytes_of_a_hit_say_what_the_record_says(seed, index, scored):
    day = date(2026, 1, 5)

    hit = json.loads(complaints.hits(seed, day, [index], scored)[0])

    assert hit["_source"] == complaints.source(seed, day, index)
    assert vocabulary.ABSENT not in hit["_source"].values()


@given(
    st.booleans(), st.booleans(), st.integers(-1, 5), st.integers(-1, 1), st.integers(-1, 5),
    st.sampled_from([-1, 0, 1, 2, 3, 99_999]),
)  # fmt: skip
def test_a_position_is_behind_all_hits_up_to_it(falling, scored, day, shift, id_day, index):
    window = Window(7, 3, date(2026, 1, 2), date(2026, 1, 5), (), falling, scored)
    hits = [tuple(float(part) for part in sort) for sort in window.sorts(99)]
    start = complaints.received_ms(date(2026, 1, 2)) + day * complaints.DAY_MS
    value = float(shift) if scored else float(start + shift)
    name = complaints.first_id(date(2026, 1, 2)) + id_day * complaints.IDS_A_DAY + index

    behind = [h for h in hits if (h < (value, name) if falling else h > (value, name))]

    assert hits[window.after(value, name) :] == behind


def test_bodies_that_were_asked_for_least_recently_are_dropped_first():
    bodies = page.Bodies(budget_bytes=10)
    for key in ("a", "b", "a", "c"):
        bodies.get((key,), lambda: b"12345")

    assert list(bodies.kept) == [("a",), ("c",)]
    assert bodies.held_bytes == 10
