"""The Dagster definitions: what they are made of, when a step is tried again, what is wired."""

import importlib
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.system_config.objects import ResolvedRunConfig  # what a launch resolves to

from dagster_impl import complaints, github_stats, synthetic, youtube_stats
from dagster_impl.definitions import defs
from dagster_impl.retries import RETRIES, source_errors
from dagster_impl.runs import fan_out
from shared.config import ConfigurationError, settings
from shared.http import PermanentError, RateLimitedError, TransientError
from shared.warehouse import Balance

MODULES = {"complaints": complaints, "github_stats": github_stats, "youtube_stats": youtube_stats}
STEPS = ("plan", "extract", "transform", "load", "summarise")
URL = "http://127.0.0.1/repos/a/b"
RANGE = {
    "dagster/asset_partition_range_start": "2026-01-03",
    "dagster/asset_partition_range_end": "2026-01-05",
}
BALANCE = Balance(extracted=5, loaded=3, quarantined=1, superseded=1)


class Memory:
    """The work, remembered instead of done."""

    def __init__(self):
        self.calls = []
        self.failing = {}

    def put(self, monkeypatch, module):
        for name in ("extract", "transform", "load"):
            monkeypatch.setattr(module.etl, name, self._step(name))
        monkeypatch.setattr(module.etl, "plan", self._plan)
        monkeypatch.setattr(module.etl, "summarise", self._summarise)
        if hasattr(module.etl, "describe"):
            monkeypatch.setattr(module.etl, "describe", lambda run, key: f"Stars: {key}")

    def _plan(self, run, *asked):
        self.calls.append(("plan", run, *asked))
        return ["a/b-c", "a/b_c"]

    def _step(self, name):
        def step(run, key):
            self.calls.append((name, run, key))
            if errors := self.failing.get((name, key)):
                raise errors.pop(0)
            return key

        return step

    def _summarise(self, run, keys):
        self.calls.append(("summarise", run, keys))
        return BALANCE

    def count(self, name):
        return sum(call[0] == name for call in self.calls)


@pytest.fixture
def work(monkeypatch):
    memory = Memory()
    for module in MODULES.values():
        memory.put(monkeypatch, module)
    return memory


def run(name, *, tags=None, config=None, instance=None):
    """Run a job in this process, without a retry's delay."""
    job = defs.resolve_job_def(name)
    return job.execute_in_process(
        run_config=config or {},
        tags={"etl/run": "run-1", **(tags or {})},
        raise_on_error=False,
        instance=instance,
    )


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def logged(instance, result):
    return [entry.user_message for entry in instance.all_logs(result.run_id)]


def rate_limited(seconds):
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    return RateLimitedError("limited", URL, 429, "", until)


def test_the_definitions_load():
    dg.Definitions.validate_loadable(defs)


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("step", STEPS)
def test_every_step_is_tried_four_times_a_second_apart(name, step):
    policy = getattr(MODULES[name], step).retry_policy

    assert (policy.max_retries, policy.delay, policy.backoff, policy.jitter) == (3, 1, None, None)


@pytest.mark.parametrize("name", MODULES)
def test_a_job_is_run_whole_after_a_crash(name):
    assert defs.resolve_job_def(name).run_tags["dagster/retry_strategy"] == "ALL_STEPS"


@pytest.mark.parametrize("given", [{}, {"multiprocess": {"start_method": {"forkserver": {}}}}])
@pytest.mark.parametrize("name", [*MODULES, "__ASSET_JOB"])
def test_a_run_has_two_steps_at_a_time_however_they_start(name, given):
    job = defs.resolve_job_def(name)

    asked = {"execution": {"config": given}} if given else {}
    config = ResolvedRunConfig.build(job, asked).execution
    assert config.execution_engine_config["multiprocess"]["max_concurrent"] == 2


def test_a_run_can_be_asked_to_have_its_steps_in_its_own_process():
    job = defs.resolve_job_def("github_stats")

    asked = {"execution": {"config": {"in_process": {}}}}
    config = ResolvedRunConfig.build(job, asked).execution
    assert list(config.execution_engine_config) == ["in_process"]


@pytest.mark.parametrize("name", MODULES)
def test_a_key_is_finished_before_the_next_is_begun(name):
    steps = [getattr(MODULES[name], step) for step in ("extract", "transform", "load")]

    assert [step.tags.get("dagster/priority") for step in steps] == [None, "1", "2"]


@pytest.mark.parametrize("name", MODULES)
def test_a_job_is_scheduled_daily_at_six_utc_and_stopped_as_shipped(name):
    schedule = defs.resolve_schedule_def(f"{name}_schedule")

    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 6 * * *", "UTC")
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED


@pytest.mark.parametrize("error", [PermanentError("no", URL, 401), ConfigurationError("no key")])
def test_a_final_error_is_a_failure_without_retries(error):
    with pytest.raises(dg.Failure) as raised, source_errors():
        raise error

    assert raised.value.allow_retries is False
    assert raised.value.__cause__ is error


def test_a_rate_limit_is_retried_at_the_moment_it_carries():
    error = rate_limited(30)

    with pytest.raises(dg.RetryRequested) as raised, source_errors():
        raise error

    assert raised.value.seconds_to_wait == pytest.approx(30, abs=0.5)
    assert raised.value.max_retries == RETRIES.max_retries
    assert raised.value.__cause__ is error


def test_any_other_error_is_left_to_the_retry_policy():
    with pytest.raises(TransientError), source_errors():
        raise TransientError("busy", URL, 503)


def test_a_step_that_meets_a_final_error_is_started_once(work):
    work.failing["extract", "a/b_c"] = [PermanentError("no", URL, 401)]

    result = run("github_stats")

    assert not result.success
    assert work.count("extract") == 2
    assert work.count("summarise") == 0


def test_rate_limits_and_other_errors_together_are_retried_three_times(work, monkeypatch):
    waits = []
    monkeypatch.setattr("dagster._core.execution.plan.active.time.sleep", waits.append)
    work.failing["extract", "a/b_c"] = [
        rate_limited(0),
        TransientError("busy", URL, 503),
        rate_limited(0),
        rate_limited(0),
        AssertionError("a fifth try"),
    ]

    result = run("github_stats")

    assert not result.success
    assert work.count("extract") == 1 + 4


@pytest.mark.parametrize("name", ["github_stats", "youtube_stats"])
def test_every_key_goes_through_three_steps_into_one_summary(name, work, instance):
    result = run(name, instance=instance)

    assert result.success
    assert work.calls[0] == ("plan", "run-1", [])
    for step in ("extract", "transform", "load"):
        assert {c[1:] for c in work.calls if c[0] == step} == {
            ("run-1", "a/b-c"),
            ("run-1", "a/b_c"),
        }
    assert work.calls[-1] == ("summarise", "run-1", ["a/b-c", "a/b_c"])
    assert {"Stars: a/b-c", "Stars: a/b_c", str(BALANCE)} <= set(logged(instance, result))


def test_the_asked_for_repositories_reach_the_plan(work):
    asked = {"plan_repositories": {"config": {"repositories": ["x/y"]}}}

    run("github_stats", config={"ops": {"repositories": {"ops": asked}}})

    assert work.calls[0] == ("plan", "run-1", ["x/y"])


def test_a_range_of_partitions_is_one_run_and_materialises_both_tables(work, instance):
    result = run("complaints", tags=RANGE, instance=instance)

    assert result.success
    assert work.calls[0] == ("plan", "run-1", date(2026, 1, 3), date(2026, 1, 5))
    made = result.get_asset_materialization_events()
    days = {(e.asset_key.to_user_string(), e.partition) for e in made}
    tables = ("complaints", "complaint_summary")
    assert days == {(table, f"2026-01-0{n}") for table in tables for n in (3, 4, 5)}


def test_a_single_partition_is_a_range_of_one_day(work):
    run("complaints", tags={"dagster/partition": "2026-01-03"})

    assert work.calls[0] == ("plan", "run-1", date(2026, 1, 3), date(2026, 1, 3))


def test_the_balance_is_metadata_of_the_asset(work):
    (made,) = run("github_stats").get_asset_materialization_events()

    metadata = {name: value.value for name, value in made.materialization.metadata.items()}
    assert metadata == {
        "dagster/row_count": 3,
        "extracted": 5,
        "quarantined": 1,
        "superseded": 1,
    }


def test_keys_that_differ_in_a_sign_only_have_different_mapping_keys():
    first, second = fan_out(["a/b-c", "a/b_c"])

    assert (first.mapping_key, second.mapping_key) == ("a_b_c_1", "a_b_c_2")


@pytest.fixture
def worked(monkeypatch):
    """Return the calls of the synthetic step, which is remembered instead of done."""
    calls = []

    def work(run, key, kind, amount, previous):
        calls.append((run, key, kind, amount, previous))
        return f"after {key}"

    monkeypatch.setattr(synthetic.etl, "work", work)
    return calls


def run_synthetic(pipeline, steps):
    asked = {"resources": {"amount": {"config": {"kind": "fib", "amount": 10}}}}
    job = synthetic.job(pipeline, steps)
    assert job.execute_in_process(asked, tags={"etl/run": "run-1"}).success


def test_as_shipped_there_is_no_synthetic_job():
    assert synthetic.jobs == []


def test_there_is_a_synthetic_job_of_each_kind_and_size(monkeypatch):
    monkeypatch.setenv("ETL_SYNTHETIC", "1,3")
    settings.cache_clear()
    names = [job.name for job in importlib.reload(synthetic).jobs]
    monkeypatch.undo()
    settings.cache_clear()
    importlib.reload(synthetic)

    assert names == ["chain_1", "chain_3", "fanout_1", "fanout_3"]


def test_a_chain_hands_the_value_of_each_step_to_the_next(worked):
    run_synthetic(synthetic.chain, 3)

    assert worked == [
        ("run-1", "0001", "fib", 10, None),
        ("run-1", "0002", "fib", 10, "after 0001"),
        ("run-1", "0003", "fib", 10, "after 0002"),
    ]


def test_independent_steps_are_handed_nothing(worked):
    run_synthetic(synthetic.fanout, 2)

    assert sorted(worked) == [
        ("run-1", "0001", "fib", 10, None),
        ("run-1", "0002", "fib", 10, None),
    ]


def test_a_synthetic_step_is_retried_as_the_others_and_its_job_is_run_whole_after_a_crash():
    assert synthetic.work.retry_policy == RETRIES
    job = synthetic.job(synthetic.chain, 2)
    assert job.run_tags["dagster/retry_strategy"] == "ALL_STEPS"
