"""An engine at rest: `bare` has nothing that runs between two runs."""

import pytest

from benchmarks import campaign, idle, results, rows, workloads
from benchmarks.model import IDLE, Outcome
from benchmarks.plans import Slot
from shared import journal
from tests.report import made_up


@pytest.fixture
def rested(stand_of, monkeypatch):
    monkeypatch.setattr(idle, "REST_S", 0.0)
    monkeypatch.setattr(idle, "ASKED", 3)
    stand = stand_of()
    return stand, idle.measure(stand, "rest-1", 0.1)


def test_without_a_process_nothing_is_used_and_a_role_that_is_not_there_is_unknown(rested):
    _, found = rested

    assert [found[it] for it in ("cpu_s", "control_cpu_s", "control_pss_mb")] == [0, 0, 0]
    assert (found["worker_cpu_s"], found["worker_pss_mb"]) == (None, None)
    assert (found["asked_count"], found["log_bytes"]) == (3, 0)
    assert found["idle_s"] >= 0.1


def test_the_run_before_the_rest_has_left_its_journal(rested):
    stand, _ = rested
    events = journal.read(journal.path(stand.journals, "rest-1"))

    assert [e.kind for e in events] == ["started", "finished"]


def test_a_run_before_the_rest_that_fails_is_an_error(stand_of, monkeypatch):
    stand = stand_of()
    monkeypatch.setattr(idle, "WARMUP", workloads.chain(1, "no such kind"))

    with pytest.raises(RuntimeError, match="the run before the rest has failed"):
        idle.measure(stand, "rest-1", 0.1)


def test_a_row_of_a_rest_needs_no_truth_and_any_other_does(tmp_path):
    (tmp_path / "journals").mkdir()
    base = made_up.step_result("airflow", "tuned", "idle-60", 1, cpu_s=1.0)
    for number, pipeline in enumerate((IDLE, "chain"), start=1):
        row = made_up.replace(base, pipeline=pipeline, truth=None, trial=number)
        (tmp_path / row.journal).touch()
        results.append(tmp_path, row)

    assert results.problems(tmp_path) == [
        "results.jsonl, line 2: the outcome is unharmed, but no truth is given."
    ]


def test_a_rest_is_asked_for_by_its_seconds():
    asked = workloads.named("idle-60")

    assert (asked.pipeline, asked.parameters) == (IDLE, {"seconds": 60})
    assert workloads.sizes([asked]) == ""
    with pytest.raises(LookupError, match="idle-SECONDS"):
        workloads.named("idle-0")


@pytest.mark.parametrize(
    ("slot", "read"),
    [
        (Slot("x", "chain-10", "calm", 1), True),
        (Slot("x", "chain-10", "calm", 1001), True),  # a repeat stands for the first
        (Slot("x", "chain-10", "calm", 3), False),
        (Slot("x", "chain-10", "calm", 2001), False),  # of the control
        (Slot("x", "chain-1", "calm", 1, warmup=True), False),
        (Slot("x", "chain-10-busy-100", "calm", 1), False),
        (Slot("x", "complaints", "calm", 1), False),
    ],
)
def test_what_is_written_is_read_around_the_first_no_ops(slot, read):
    assert rows.is_written(slot) is read


def test_a_start_is_the_first_in_a_directory_that_is_empty(stand_of):
    stand = stand_of()
    fresh = campaign.is_first(stand)
    (stand.orchestrator.services.directory / "home").mkdir()

    assert (fresh, campaign.is_first(stand)) == (True, False)


def test_a_hole_in_a_row_has_its_reason_beside_it(stand_of):
    base = made_up.step_result("bare", "default", "chain-10-noop", 1)
    found = rows.with_reasons(stand_of(), base, {"metadata_rows": None, "log_bytes": 5.0})

    assert found.outcome is Outcome.UNHARMED
    assert (found.measures["log_bytes"], found.measures["metadata_rows"]) == (5.0, None)
    assert list(found.environment["unmeasured"]) == ["metadata_rows"]
