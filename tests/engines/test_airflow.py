"""The Airflow DAGs: what they are made of, when a task is tried again, what is wired to what."""

import importlib
import os
import tempfile
import warnings
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

# Airflow makes its home and its configuration file when it is imported.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-home-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what Airflow's own imports say of each other
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import RetryAction, TaskGroup

    from airflow_dags import complaints, github_stats, youtube_stats
    from airflow_dags.retries import RetryAsTheSourceSays

from shared.config import ConfigurationError, settings
from shared.http import PermanentError, RateLimitedError, TransientError

FOLDER = Path(complaints.__file__).parent
MODULES = {"complaints": complaints, "github_stats": github_stats, "youtube_stats": youtube_stats}
GROUPS = {"complaints": "window", "github_stats": "repository", "youtube_stats": "channel"}
URL = "http://127.0.0.1/repos/a/b"


def load_bag(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return DagBag(dag_folder=str(path))


@pytest.fixture(scope="module")
def bag():
    return load_bag(FOLDER)


@pytest.fixture(params=sorted(MODULES))
def dag(request, bag):
    return bag.dags[request.param]


@pytest.fixture
def schedule(monkeypatch):
    """Return a function that loads a pipeline anew with ETL_SCHEDULE set."""

    def load(value, name="complaints"):
        monkeypatch.setenv("ETL_SCHEDULE", value)
        settings.cache_clear()
        module = importlib.reload(MODULES[name])
        return getattr(module, name)().schedule

    yield load
    monkeypatch.undo()
    settings.cache_clear()
    for module in MODULES.values():
        importlib.reload(module)


def decide(error):
    return RetryAsTheSourceSays().evaluate(error, try_number=1, max_tries=3)


def test_the_folder_holds_three_dags_and_nothing_else_is_parsed(bag):
    assert bag.import_errors == {}
    assert set(bag.dags) == set(MODULES)
    parsed = {Path(said.file).name for said in bag.dagbag_stats}
    assert parsed == {*(f"{m}.py" for m in MODULES), "synthetic.py"}


def test_every_task_has_three_retries_after_a_second(dag):
    for task in dag.tasks:
        assert (task.retries, task.retry_delay) == (3, timedelta(seconds=1)), task.task_id
        assert isinstance(task.retry_policy, RetryAsTheSourceSays), task.task_id


def test_a_run_has_two_tasks_at_a_time_and_finishes_a_key_first(dag):
    assert dag.max_active_tasks == 2
    assert {str(task.weight_rule) for task in dag.tasks} == {"upstream"}


def test_a_dag_is_tagged_documented_and_does_not_catch_up(dag):
    assert dag.tags == {"etl"}
    assert dag.doc_md
    assert dag.catchup is False


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_pipeline_is_scheduled_daily_at_six(schedule, name):
    daily = schedule("true", name)

    assert (daily.expression, str(daily.timezone)) == ("0 6 * * *", "UTC")


@pytest.mark.parametrize("name", sorted(MODULES))
def test_the_schedule_can_be_switched_off(schedule, name):
    assert schedule("false", name) is None


def test_the_keys_are_mapped_over_a_group_and_joined(dag):
    group = GROUPS[dag.dag_id]

    edges = {task.task_id: task.downstream_task_ids for task in dag.tasks}

    assert edges == {
        "plan": {f"{group}.extract", "summarise"},
        f"{group}.extract": {f"{group}.transform"},
        f"{group}.transform": {f"{group}.load"},
        f"{group}.load": {"summarise"},
        "summarise": set(),
    }
    mapped: TaskGroup = dag.task_group.children[group]
    assert [task.task_id for task in mapped.iter_mapped_dependencies()] == ["plan"]


@pytest.mark.parametrize("error", [PermanentError("gone", URL, 401), ConfigurationError("no key")])
def test_what_no_retry_cures_fails_at_once_and_says_why(error):
    decision = decide(error)

    assert decision.action is RetryAction.FAIL
    assert decision.reason == str(error)


def test_a_rate_limit_delays_the_retry_until_it_ends():
    until = datetime.now(UTC) + timedelta(seconds=90)

    decision = decide(RateLimitedError("limited", URL, 429, "", until))

    assert decision.action is RetryAction.RETRY
    assert timedelta(seconds=89) < decision.retry_delay <= timedelta(seconds=90)


def test_another_error_is_retried_as_the_task_says():
    assert decide(TransientError("reset", URL)).action is RetryAction.DEFAULT


@pytest.fixture
def planned(monkeypatch):
    """Return what `plan` asks the library for."""
    monkeypatch.setattr(complaints.etl, "plan", lambda run, start, end: (run, start, end))
    return complaints.plan.function


def test_a_scheduled_run_takes_the_day_before_its_interval_ends(planned):
    ends = datetime(2026, 1, 2, 6, tzinfo=UTC)

    asked = planned("r", {"start": None, "end": None}, None, ends)

    assert asked == ("r", date(2026, 1, 1), date(2026, 1, 1))


def test_a_run_without_a_data_interval_takes_yesterday(planned):
    run = SimpleNamespace(run_after=datetime(2026, 1, 2, 0, 1, tzinfo=UTC))

    asked = planned("r", {"start": None, "end": None}, run)

    assert asked == ("r", date(2026, 1, 1), date(2026, 1, 1))


def test_parameters_choose_the_days(planned):
    run = SimpleNamespace(run_after=datetime(2026, 1, 2, tzinfo=UTC))

    asked = planned("r", {"start": "2025-12-01", "end": "2025-12-03"}, run)

    assert asked == ("r", date(2025, 12, 1), date(2025, 12, 3))


@pytest.fixture(scope="module")
def synthetic():
    """Return the DAGs of two sizes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ETL_SYNTHETIC", "1,3")
        settings.cache_clear()
        yield load_bag(FOLDER / "synthetic.py").dags
    settings.cache_clear()


def test_there_is_a_synthetic_dag_of_each_kind_and_size(synthetic):
    assert set(synthetic) == {"chain_1", "chain_3", "fanout_1", "fanout_3"}


def test_a_synthetic_dag_has_the_limits_and_retries_of_the_others_and_no_schedule(synthetic):
    for dag in synthetic.values():
        assert (dag.schedule, dag.catchup, dag.max_active_tasks) == (None, False, 2)
        for task in dag.tasks:
            assert (task.retries, task.retry_delay) == (3, timedelta(seconds=1))
            assert isinstance(task.retry_policy, RetryAsTheSourceSays)


def test_a_chain_hands_the_value_of_each_step_to_the_next(synthetic):
    dag = synthetic["chain_3"]

    edges = {task.task_id: task.downstream_task_ids for task in dag.tasks}
    assert edges == {"work_0001": {"work_0002"}, "work_0002": {"work_0003"}, "work_0003": set()}
    handed = [dag.task_dict[f"work_{key}"].op_args for key in ("0001", "0002", "0003")]
    assert [key for key, _ in handed] == ["0001", "0002", "0003"]
    first, *others = (previous for _, previous in handed)
    assert first is None
    assert [previous.operator.task_id for previous in others] == ["work_0001", "work_0002"]


def test_a_fan_out_is_one_task_mapped_over_the_keys(synthetic):
    (task,) = synthetic["fanout_3"].tasks

    assert task.op_kwargs_expand_input.value == {"key": ["0001", "0002", "0003"]}
    assert (task.upstream_task_ids, task.downstream_task_ids) == (set(), set())


def test_a_task_that_loads_the_file_makes_its_own_dag_only(synthetic, monkeypatch):
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "chain_3")

    assert set(load_bag(FOLDER / "synthetic.py").dags) == {"chain_3"}


def test_the_readme_names_every_tuned_setting():
    from benchmarks.orchestrators.airflow import TUNED

    readme = (FOLDER / "README.md").read_text()

    beside = ("_server_host", "_server_port")  # in the row of the server they belong to
    missing = [s.name for s in TUNED if s.name not in readme and not s.name.endswith(beside)]
    assert missing == []
