import pytest
from histories import history

from benchmarks import measures

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
        (measures.interventions_count, FAULTED, 1.0),
        (measures.interventions_count, CALM, 0.0),
    ],
)
def test_a_measure_is_what_the_history_says_or_none(measure, told, value):
    assert measure(told) == value


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
    names = measures.measure(FAULTED)

    assert {name.rpartition("_")[2] for name in names} <= {"s", "steps", "count"}
