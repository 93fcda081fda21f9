from dataclasses import replace

import pytest
from histories import history

from benchmarks import measures
from shared.journal import Event, _numbered

CALM = history(
    (10, "submitted", "one-day"),
    (11, "started", "extract"), (13, "finished", "extract"),
    (14, "started", "transform"), (15, "finished", "transform"),
    (18, "started", "load"), (19, "committed", "load"), (20, "finished", "load"),
    (21, "ended", "succeeded"),
)  # fmt: skip
FAULTED = history(
    (10, "submitted", "one-day"),
    (11, "started", "load"), (12, "committed", "load"),
    (13, "fault_injected", "load"),
    (14, "started", "load:other"), (15, "finished", "load:other"),
    (17, "started", "load"), (18, "committed", "load"), (19, "finished", "load"),
    (20, "resumed", "by hand"), (21, "started", "load"), (23, "finished", "load"),
    (25, "ended", "succeeded"),
)  # fmt: skip
SECONDS = (("0001", 11, 13), ("0002", 14, 15), ("0003", 18, 20))


def synthetic_run(chained: bool, *told: tuple[str, float, float]) -> tuple[Event, ...]:
    """Return a history of steps by key, start and end; in a chain each is handed a value."""
    events = [Event(10, 0, "submitted", "r", detail="chain-3-noop")]
    for number, (key, start, end) in enumerate(told):
        previous = number if chained and number else None
        detail = {"value": number + 1, "previous": previous}
        events.append(Event(start, 0, "started", "r", "work", key))
        events.append(Event(end, 0, "finished", "r", "work", key, detail=detail))
    return tuple(_numbered(sorted(events, key=lambda it: it.at)))


CHAIN = synthetic_run(True, *SECONDS)
FANOUT = synthetic_run(False, ("0001", 11, 13), ("0002", 11, 14), ("0003", 13, 16))
NOTHING = history((10, "submitted", "one-day"))


@pytest.mark.parametrize(
    ("measure", "told", "value"),
    [
        (measures.dispatch_s, CALM, 1.0),
        (measures.dispatch_s, NOTHING, None),
        (measures.makespan_s, CALM, 10.0),
        (measures.makespan_s, NOTHING, None),
        (measures.closing_s, CALM, 1.0),
        (measures.closing_s, CALM[:-1], None),
        (measures.handoff_p50_s, CALM, 2.0),
        (measures.handoff_p50_s, NOTHING, None),
        (measures.attempts_steps, CALM, 3.0),
        (measures.attempts_steps, NOTHING, 0.0),
        (measures.detect_s, FAULTED, 4.0),
        (measures.detect_s, CALM, None),
        (measures.recover_s, FAULTED, 10.0),
        (measures.recover_s, FAULTED[:-1], None),
        (measures.truth_s, FAULTED, 12.0),
        (measures.truth_s, FAULTED[:-1], None),
        (measures.repeated_steps, FAULTED, 1.0),
        (measures.repeated_steps, CALM, 0.0),
        (measures.wasted_steps, FAULTED, 2.0),  # the killed load, and the one after the resume
        (measures.wasted_steps, CALM, 0.0),
        (measures.wasted_s, FAULTED, 4.0),  # from 11 to the fault at 13, and from 21 to 23
        (measures.wasted_s, CALM, 0.0),
        (measures.blast_radius_steps, FAULTED, 0.0),
        (measures.interventions_count, FAULTED, 1.0),
        (measures.interventions_count, CALM, 0.0),
    ],
)
def test_a_measure_is_what_the_history_says_or_none(measure, told, value):
    assert measure(told) == value


@pytest.mark.parametrize(
    ("measure", "told", "value"),
    [
        (measures.per_step_s, CHAIN, 3.0),
        (measures.per_step_s, FANOUT, 5 / 3),
        (measures.per_step_s, NOTHING, None),
        (measures.handoff_p50_s, CHAIN, 2.0),
        (measures.handoff_p95_s, CHAIN, 2.9),
        (measures.handoff_p50_s, FANOUT, None),
        (measures.handoff_p95_s, FANOUT, None),
        (measures.handoff_p95_s, CHAIN[:5], 1.0),
        (measures.work_s, CHAIN, 5.0),
        (measures.work_s, FANOUT, 8.0),
        (measures.work_s, NOTHING, None),
        (measures.throughput_steps_per_s, CHAIN, 0.3),
        (measures.throughput_steps_per_s, NOTHING, None),
    ],
)
def test_what_a_synthetic_step_costs(measure, told, value):
    assert measure(told) == (None if value is None else pytest.approx(value))


def test_the_work_of_a_repeated_step_is_that_of_its_attempts_that_finished():
    lost = Event(11.5, 0, "started", "r", "work", "0001")
    told = tuple(_numbered([CHAIN[0], replace(CHAIN[1], at=11), lost, *CHAIN[2:]]))

    assert measures.work_s(told) == 4.5


def test_a_chain_that_ended_before_a_step_finished_has_no_cost_of_a_step():
    assert measures.per_step_s(CHAIN[:2]) is None
    assert measures.measure(CHAIN[:2])["throughput_steps_per_s"] is None


def test_the_measures_of_synthetic_steps_are_given_only_of_such():
    assert set(measures.measure(CHAIN)) - set(measures.measure(CALM)) == {
        m.__name__ for m in measures.OF_SYNTHETIC
    }


def shifted(told, seconds):
    return tuple(replace(event, at=event.at + seconds) for event in told)


def test_runs_at_once_are_measured_from_the_first_trigger_to_the_last_end():
    found = measures.of_runs([CHAIN, shifted(CHAIN, 5)])

    assert found == {
        "makespan_s": 15.0,
        "throughput_runs_per_s": pytest.approx(2 / 15),
        "throughput_steps_per_s": pytest.approx(6 / 15),
        "run_makespan_p50_s": 10.0,
        "run_makespan_min_s": 10.0,
        "run_makespan_max_s": 10.0,
        "fairness_percent": 100.0,
    }


def test_runs_of_which_one_did_nothing_have_no_throughput():
    assert set(measures.of_runs([CHAIN, CHAIN[:1]]).values()) == {None}


@pytest.mark.parametrize(
    ("shares", "index"), [([1, 1, 1, 1], 1.0), ([1, 0, 0, 0], 0.25), ([1, 3], 0.8), ([0, 0], 1.0)]
)
def test_jains_index_is_one_when_all_are_alike(shares, index):
    assert measures.jain(shares) == pytest.approx(index)


def test_an_engine_that_says_it_will_try_again_has_noticed():
    told = history((1, "fault_injected", "load"), (3, "noticed", ""), (9, "started", "load"))

    assert measures.detect_s(told) == 2.0


def test_an_outage_lasts_until_what_was_killed_has_started_again():
    told = history((1, "fault_injected", "load"), (3, "healed", ""), (6.5, "back", ""))

    assert measures.outage_s(told) == 5.5
    assert measures.outage_s(told[:2]) is None


def test_a_state_that_was_seen_to_fail_is_a_detection():
    told = history((1, "fault_injected", "load"), (3, "resumed", ""), (4, "started", "load"))

    assert measures.detect_s(told) == 2.0


def test_a_run_that_did_not_succeed_did_not_recover():
    told = history((1, "fault_injected", "load"), (2, "finished", "load"), (3, "ended", "failed"))

    assert measures.recover_s(told) is None
    assert measures.truth_s(told) == 2.0


def test_a_handoff_counts_from_the_end_of_the_step_before_to_the_first_start():
    told = history(
        (1, "finished", "extract"), (2, "started", "transform"), (9, "started", "transform"),
        (3, "finished", "extract:b"), (7, "started", "transform:b"),
    )  # fmt: skip

    assert measures.handoffs_s(told) == [1, 4]


def test_the_measures_of_a_fault_are_given_only_when_there_was_one():
    always = [m.__name__ for m in measures.ALWAYS]
    of_a_fault = [m.__name__ for m in measures.OF_A_FAULT]

    assert list(measures.measure(CALM)) == always
    assert list(measures.measure(FAULTED)) == [*always, *of_a_fault]


def test_the_name_of_a_measure_ends_in_its_unit():
    names = {**measures.measure(FAULTED), **measures.measure(CHAIN), **measures.of_runs([CHAIN])}

    assert {name.rpartition("_")[2] for name in names} <= {"s", "steps", "count", "percent"}


def test_the_blast_radius_is_what_was_interrupted_or_done_again_besides_the_unit_that_was_hit():
    told = history(
        (1, "started", "extract"), (2, "finished", "extract"),
        (3, "started", "load"), (3, "started", "extract:b"), (3, "started", "load:c"),
        (4, "fault_injected", "load"), (5, "finished", "load:c"),
        (6, "started", "extract"), (7, "finished", "extract"),
        (8, "started", "load"), (9, "finished", "load"), (9, "ended", "failed"),
    )  # fmt: skip

    assert measures.blast_radius_steps(told) == 2  # extract again, extract:b interrupted
    assert measures.wasted_steps(told) == 3
    assert measures.wasted_s(told) == (4 - 3) + (4 - 3) + (7 - 6)


def test_what_a_step_tells_after_the_final_state_is_no_part_of_the_run():
    late = history(
        (1, "submitted", "x"), (2, "started", "load"), (3, "started", "load:b"),
        (4, "finished", "load"), (5, "ended", "succeeded"), (9, "finished", "load:b"),
    )  # fmt: skip

    assert measures.makespan_s(late) == 3
    assert measures.closing_s(late) == 1
