"""The synthetic workloads: what they are called, what an engine is asked for, and `bare`."""

import pytest

from benchmarks import checks, workloads
from benchmarks.model import PIPELINES, Outcome, State, Verdict
from benchmarks.orchestrators.sized import defined, sized
from benchmarks.runner import run_trial
from benchmarks.sampling import Sampler
from benchmarks.scenarios import SCENARIOS
from benchmarks.workloads import WORKLOADS, chain, fanout, fib_10_33, fib_40_10


def test_a_workload_has_a_key_for_each_step():
    assert chain(3).keys == ("0001", "0002", "0003")
    assert chain(3).parameters == {"steps": 3, "kind": "noop", "amount": 0}


def test_workloads_that_differ_have_different_names():
    some = [chain(10), fanout(10), chain(50), chain(10, "busy", 1), chain(10, "busy", 10)]
    some += [fib_40_10(), fib_10_33(), chain(40, "fib", 10)]

    assert len({workload.name for workload in some}) == len(some)


def test_the_two_published_workloads_are_chains():
    assert fib_40_10().parameters == {"steps": 40, "kind": "fib", "amount": 10}
    assert fib_10_33().parameters == {"steps": 10, "kind": "fib", "amount": 33}
    assert {fib_40_10().pipeline, fib_10_33().pipeline} == {"chain"}


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("chain-5-payload-1kB", "chain-5-payload-1000"),
        ("chain-5-payload-10MB", "chain-5-payload-10000000"),
        ("chain-5-runs-4", "chain-5-noop-runs-4"),
        ("fanout-2-payload-3kB-runs-16", "fanout-2-payload-3000-runs-16"),
        ("chain-5-runs-1", "chain-5-noop"),
    ],
)
def test_a_workload_has_one_name_however_it_is_asked_for(asked, name):
    found = workloads.named(asked)

    assert found.name == name
    assert workloads.named(name) == found


@pytest.mark.parametrize("asked", ["chain-5-runs-0", "chain-5-busy-10kB", "chain-5-payload-kB"])
def test_a_name_that_is_none_is_a_sentence_that_lists_what_is(asked):
    with pytest.raises(LookupError, match="-payload-BYTES .* -runs-COUNT"):
        workloads.named(asked)


def test_runs_at_once_are_the_same_workload_several_times():
    found = workloads.together(chain(5), 4)

    assert (found.runs, found.parameters, found.keys) == (4, chain(5).parameters, chain(5).keys)


def test_sizes_are_those_that_the_workloads_need():
    asked = [chain(50), fanout(10), chain(10, "busy", 5), WORKLOADS["complaints"]]

    assert workloads.sizes(asked) == "10,50"
    assert workloads.sizes([WORKLOADS["complaints"]]) == ""


def test_a_static_graph_has_its_size_in_its_name():
    named = sized("chain", {"steps": 50, "kind": "fib", "amount": 10})

    assert named == ("chain_50", {"kind": "fib", "amount": 10})
    assert sized("github_stats", {"repositories": []}) == ("github_stats", {"repositories": []})


def test_an_engine_must_know_a_pipeline_of_each_size():
    assert defined({}) == set(PIPELINES)
    assert defined({"ETL_SYNTHETIC": "1,50"}) - set(PIPELINES) == {
        "chain_1",
        "chain_50",
        "fanout_1",
        "fanout_50",
    }


@pytest.mark.parametrize(
    "workload",
    [chain(3), fanout(3), chain(3, "payload", 100_000), chain(2, "busy", 1), fib_40_10()],
    ids=lambda workload: workload.name,
)
def test_a_trial_on_bare_works_and_reads_no_warehouse(stand_of, workload):
    stand = stand_of()

    trial = run_trial(stand, SCENARIOS["calm"], workload, "r", Sampler(stand.orchestrator.services))

    assert (trial.state, trial.ledger) == (State.SUCCEEDED, None)
    assert checks.outcome_of(trial.state, trial.history) is Outcome.UNHARMED
    findings = checks.judge(trial, landed=True)
    assert {f.check: f.verdict for f in findings} == {
        "landed": Verdict.PASS,
        "worked": Verdict.PASS,
        "nothing_repeated": Verdict.PASS,
    }


@pytest.mark.parametrize(
    ("name", "deadline_s"),
    [
        ("chain-1", 6),  # less than any scenario's
        ("fib_40_10", 240),
        ("chain-1000", 900),
        ("fanout-4-busy-30000", 24 + 240),
        ("chain-2-payload-30MB", 600),
    ],
)
def test_a_run_may_take_what_its_steps_may_cost_and_twice_its_work(name, deadline_s):
    assert workloads.named(name).deadline_s == deadline_s


def test_dispatch_is_one_step_submitted_at_a_random_moment():
    asked = workloads.named("dispatch")

    assert (asked.pipeline, len(asked.keys), asked.phase_s) == ("chain", 1, 10.0)
    assert workloads.named("chain-1").phase_s == 0
