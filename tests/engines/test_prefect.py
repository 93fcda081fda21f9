"""The Prefect flows: what they are made of, when a step is tried again, what is wired to what."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from prefect import runtime, unmapped
from prefect.cache_policies import DEFAULT
from prefect.flows import load_flow_from_entrypoint
from prefect.logging import disable_run_logger
from prefect.states import Failed

from prefect_impl import complaints, github_stats, retries, serve, synthetic, youtube_stats
from shared.config import ConfigurationError, settings
from shared.http import PermanentError, RateLimitedError, TransientError

ROOT = Path(__file__).resolve().parents[2]
STEPS = ("plan", "extract", "transform", "load", "summarise")
FLOWS = {
    "complaints": complaints.complaints,
    "github_stats": github_stats.github_stats,
    "youtube_stats": youtube_stats.youtube_stats,
}
MODULES = (complaints, github_stats, youtube_stats)
URL = "http://127.0.0.1/repos/a/b"


def verdict(error):
    with disable_run_logger():
        return asyncio.run(retries.worth_another_try(None, None, Failed(data=error)))


@pytest.fixture
def waits(monkeypatch):
    """Record the seconds that the condition waits, instead of waiting."""
    waited = []

    async def sleep(seconds):
        waited.append(seconds)

    monkeypatch.setattr(retries.asyncio, "sleep", sleep)
    return waited


class Step:
    """A task that only remembers what it was mapped over or called with."""

    def __init__(self, gives=None):
        self.gives, self.got, self.asked = gives, None, []

    def __call__(self, *arguments):
        self.got = arguments
        return self.gives

    def map(self, *arguments):
        self.got = arguments
        return self

    def wait(self):
        self.asked.append("wait")

    def result(self):
        self.asked.append("result")


@pytest.fixture
def steps(monkeypatch):
    """Put memories in the place of a module's tasks, in a flow run named `run-1`."""
    monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__NAME", "run-1")
    scheduled = datetime(2026, 1, 15, 6, tzinfo=UTC)
    monkeypatch.setattr(runtime.flow_run, "scheduled_start_time", scheduled, raising=False)

    def put(module):
        made = {name: Step() for name in STEPS}
        made["plan"].gives, made["summarise"].gives = ["a/b", "c/d"], "balance"
        for name, step in made.items():
            monkeypatch.setattr(module, name, step)
        return made

    return put


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("step", STEPS)
def test_every_step_is_tried_four_times_a_second_apart(module, step):
    task = getattr(module, step)

    assert (task.retries, task.retry_delay_seconds) == (3, 1)
    assert task.retry_condition_fn is retries.worth_another_try


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("step", STEPS)
def test_a_finished_step_is_kept_for_its_own_flow_run_only(module, step):
    assert getattr(module, step).cache_policy == DEFAULT


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_keeps_results_and_prints_and_runs_two_steps_at_a_time(name):
    flow = FLOWS[name]

    assert flow.name == name
    assert flow.persist_result and flow.log_prints
    assert flow.task_runner._max_workers == 2


@pytest.mark.parametrize("error", [PermanentError("no", URL, 401), ConfigurationError("no key")])
def test_a_final_error_is_not_retried(error, waits):
    assert verdict(error) is False
    assert waits == []


def test_a_transient_error_is_retried_without_a_further_wait(waits):
    assert verdict(TransientError("busy", URL, 503)) is True
    assert waits == []


def test_a_rate_limit_is_retried_at_the_moment_it_carries(waits):
    until = datetime.now(UTC) + timedelta(seconds=30)

    assert verdict(RateLimitedError("limited", URL, 429, "", until)) is True

    assert sum(waits) + retries.RETRY_DELAY_S == pytest.approx(30, abs=0.5)


def test_a_rate_limit_that_has_ended_is_waited_for_no_more(waits):
    until = datetime.now(UTC) - timedelta(seconds=30)

    assert verdict(RateLimitedError("limited", URL, 429, "", until)) is True

    assert waits == [0.0]


@pytest.mark.parametrize("module", [github_stats, youtube_stats])
def test_every_key_goes_through_three_steps_into_one_summary(module, steps):
    made = steps(module)

    result = FLOWS[module.__name__.rsplit(".", 1)[1]].fn(["a/b", "c/d"])

    run = unmapped("run-1")
    assert made["plan"].got == ("run-1", ["a/b", "c/d"])
    assert made["extract"].got == (run, ["a/b", "c/d"])
    assert made["transform"].got == (run, made["extract"])
    assert made["load"].got == (run, made["transform"])
    assert made["load"].asked == ["wait", "result"]
    assert made["summarise"].got == ("run-1", made["load"])
    assert result == "balance"


@pytest.mark.parametrize("failing", ["extract", "transform", "load"])
def test_a_step_that_failed_fails_the_flow_run_without_a_summary(failing, steps, monkeypatch):
    def fail():
        raise PermanentError("no", URL, 401)

    made = steps(github_stats)
    monkeypatch.setattr(made[failing], "result", fail)

    with pytest.raises(PermanentError):
        github_stats.github_stats.fn(["a/b"])
    assert made["load"].asked[0] == "wait"
    assert made["summarise"].got is None


def test_complaints_of_a_range_are_planned_for_that_range(steps):
    made = steps(complaints)

    complaints.complaints.fn(date(2026, 1, 3), date(2026, 1, 5))

    assert made["plan"].got == ("run-1", date(2026, 1, 3), date(2026, 1, 5))


def test_complaints_without_a_range_are_those_of_the_day_before_the_scheduled_start(steps):
    made = steps(complaints)

    complaints.complaints.fn()

    assert made["plan"].got == ("run-1", date(2026, 1, 14), date(2026, 1, 14))


def test_each_flow_is_deployed_daily_at_six_utc():
    deployed = yaml.safe_load((ROOT / "prefect_impl" / "prefect.yaml").read_text())["deployments"]

    flows = {load_flow_from_entrypoint(str(ROOT / d["entrypoint"])).name for d in deployed}
    assert flows == set(FLOWS)
    for deployment in deployed:
        assert deployment["work_pool"] == {"name": "etl"}
        (schedule,) = deployment["schedules"]
        assert (schedule["cron"], schedule["timezone"]) == ("0 6 * * *", "UTC")
        assert schedule["active"] == "{{ $ETL_SCHEDULE }}"


@pytest.mark.parametrize("flow", [synthetic.chain, synthetic.fanout])
def test_a_synthetic_flow_keeps_its_results_and_is_retried_as_the_others(flow):
    assert flow.persist_result and flow.log_prints
    assert (synthetic.work.retries, synthetic.work.retry_delay_seconds) == (3, 1)
    assert synthetic.work.retry_condition_fn is retries.worth_another_try
    assert synthetic.work.cache_policy == DEFAULT


def test_a_chain_hands_the_value_of_each_step_to_the_next(monkeypatch):
    called = []
    monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__NAME", "run-1")
    monkeypatch.setattr(
        synthetic, "work", lambda *given: called.append(given) or f"after {given[1]}"
    )

    synthetic.chain.fn(3, "fib", 10)

    assert called == [
        ("run-1", "0001", "fib", 10, None),
        ("run-1", "0002", "fib", 10, "after 0001"),
        ("run-1", "0003", "fib", 10, "after 0002"),
    ]


def test_independent_steps_are_mapped_two_at_a_time(monkeypatch):
    work = Step()
    monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__NAME", "run-1")
    monkeypatch.setattr(synthetic, "work", work)

    synthetic.fanout.fn(2, "fib", 10)

    assert work.got == (unmapped("run-1"), ["0001", "0002"], unmapped("fib"), unmapped(10))
    assert work.asked == ["wait", "result"]
    assert synthetic.fanout.task_runner._max_workers == 2


def test_the_synthetic_flows_are_deployed_by_a_file_of_their_own_without_a_schedule():
    deployed = yaml.safe_load((ROOT / "prefect_impl" / "synthetic.yaml").read_text())["deployments"]

    flows = [load_flow_from_entrypoint(str(ROOT / d["entrypoint"])).name for d in deployed]
    assert flows == ["chain", "fanout"]
    assert {d["name"] for d in deployed} == {"etl"}
    assert not any("schedules" in d for d in deployed)


@pytest.fixture
def configure(monkeypatch):
    def configured(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()

    yield configured
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.parametrize("scheduled", ["true", "false"])
def test_the_three_flows_are_served_daily_as_the_setting_says(configure, scheduled):
    configure(ETL_SCHEDULE=scheduled)

    served = serve.deployments()

    assert {d.full_name for d in served} == {f"{name}/etl" for name in FLOWS}
    for deployment in served:
        (schedule,) = deployment.schedules
        assert (schedule.schedule.cron, schedule.active) == ("0 6 * * *", scheduled == "true")
        assert load_flow_from_entrypoint(deployment.entrypoint).name == deployment.flow_name


def test_the_synthetic_flows_are_served_when_their_sizes_are_set(configure):
    configure(ETL_SYNTHETIC="10")

    synthetic_ones = [d for d in serve.deployments() if d.flow_name not in FLOWS]

    assert {d.full_name for d in synthetic_ones} == {"chain/etl", "fanout/etl"}
    assert not any(d.schedules for d in synthetic_ones)
