import threading
import time

import pytest

from shared import config, journal, synthetic
from shared.config import ConfigurationError, settings
from shared.synthetic import expected, keys, work

RUN = "r"


def told():
    """Return what the journal holds of the run: kind, key and detail of each event."""
    file = journal.path(settings().journal, RUN)
    return [(event.kind, event.key, event.detail) for event in journal.read(file)]


def chained(steps, kind, amount=0):
    previous = None
    for key in keys(steps):
        previous = work(RUN, key, kind, amount, previous)
    return previous


def test_keys_are_the_steps_numbers_in_order():
    assert keys(3) == ["0001", "0002", "0003"]
    assert keys(1000) == sorted(keys(1000))


def test_a_step_is_two_events_and_the_second_says_its_value():
    assert work(RUN, "0007", "noop") == 7
    assert told() == [
        ("started", "0007", None),
        ("finished", "0007", {"value": 7, "previous": None}),
    ]


def test_a_step_says_which_value_was_handed_to_it():
    work(RUN, "0002", "noop", previous=1)

    assert told()[-1] == ("finished", "0002", {"value": 2, "previous": 1})


@pytest.mark.parametrize(("amount", "value"), [(0, 0), (1, 1), (2, 1), (10, 55), (20, 6765)])
def test_the_value_of_fib_is_its_number(amount, value):
    assert work(RUN, "0001", "fib", amount) == value
    assert expected(1, "fib", amount, chained=True)["0001"]["value"] == value


def test_a_large_fibonacci_number_is_expected_without_the_work():
    assert expected(1, "fib", 33, chained=True)["0001"]["value"] == 3524578


def test_busy_uses_the_time_of_its_own_thread_however_many_compete():
    used = []

    def one(key):
        before = time.thread_time()
        work(RUN, key, "busy", 30)
        used.append(time.thread_time() - before)

    threads = [threading.Thread(target=one, args=(key,)) for key in keys(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(0.03 <= seconds < 0.1 for seconds in used)


def test_a_slowdown_makes_busy_work_longer_by_as_much(monkeypatch):
    monkeypatch.setenv("ETL_SLOWDOWN", "2")
    config.settings.cache_clear()
    before = time.thread_time()
    work(RUN, "0001", "busy", 30)

    assert 0.06 <= time.thread_time() - before < 0.12


@pytest.mark.parametrize("amount", [0, 1, 1000, 100_001])
def test_a_payload_is_a_text_of_its_length_and_the_next_step_takes_it(amount):
    first = work(RUN, "0001", "payload", amount)
    assert len(work(RUN, "0002", "payload", amount, first)) == amount

    detail = told()[-1][2]
    assert [said.split(",")[0] for said in detail.values()] == [f"{amount} characters"] * 2
    assert detail["previous"] == told()[1][2]["value"]


def test_a_payload_that_arrives_altered_is_not_what_is_expected():
    text = work(RUN, "0001", "payload", 8)
    work(RUN, "0002", "payload", 8, text[:-1] + "x")

    found, wanted = told()[-1][2], expected(2, "payload", 8, chained=True)["0002"]
    assert found["value"] == wanted["value"]
    assert found["previous"] != wanted["previous"]


def test_a_payload_does_not_shrink_when_it_is_compressed():
    import zlib

    text = work(RUN, "0001", "payload", 10_000)

    assert len(zlib.compress(text.encode())) > 5_000


def test_a_payload_that_arrives_shorter_is_an_error():
    with pytest.raises(ValueError, match="handed 3 characters instead of 4"):
        work(RUN, "0002", "payload", 4, "abc")
    assert [kind for kind, *_ in told()] == ["started", "failed"]


def test_a_kind_that_is_not_there_is_a_sentence_that_no_retry_cures():
    with pytest.raises(ConfigurationError, match="called sleep; there are: noop, busy, fib"):
        work(RUN, "0001", "sleep")


@pytest.mark.parametrize("kind", synthetic.WORK)
def test_the_journal_of_a_chain_holds_what_is_expected(kind):
    chained(3, kind, 2)

    finished = {key: detail for event, key, detail in told() if event == "finished"}
    assert finished == expected(3, kind, 2, chained=True)


@pytest.mark.parametrize("kind", synthetic.WORK)
def test_the_journal_of_independent_steps_holds_what_is_expected(kind):
    for key in keys(3):
        work(RUN, key, kind, 2)

    finished = {key: detail for event, key, detail in told() if event == "finished"}
    assert finished == expected(3, kind, 2, chained=False)
