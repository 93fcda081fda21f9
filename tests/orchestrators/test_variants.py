"""Variants between default and tuned: what they hold, and that the adapters apply exactly that."""

import json

import pytest

from benchmarks import __main__ as bench
from benchmarks import setups
from benchmarks.ablation import alone, groups, variants, without
from benchmarks.model import Setting, Setup, State, Surroundings
from benchmarks.orchestrators import airflow, dagster, prefect

TUNED = (
    Setting("fork", "server", "fork", "dispatch", group="fork"),
    Setting("fork.preload", "all", "", "dispatch", group="preload", needs="fork"),
    Setting("fork.port", "1", "0", "of the preload", group="preload", needs="fork"),
    Setting("pause", "0.1", "1", "dispatch", group="pause"),
    Setting("timeout", "3", "30", "recovery"),
)
ENGINES = (airflow.TUNED, prefect.TUNED, dagster.TUNED)


def names(settings):
    return [setting.name for setting in settings]


def test_a_group_stands_alone_with_what_it_needs():
    assert groups(TUNED) == ["fork", "preload", "pause"]
    assert names(alone(TUNED, "pause")) == ["pause"]
    assert names(alone(TUNED, "fork")) == ["fork"]
    assert names(alone(TUNED, "preload")) == ["fork", "fork.preload", "fork.port"]


def test_what_needs_a_group_is_left_out_with_it():
    assert names(without(TUNED, "fork")) == ["pause", "timeout"]
    assert names(without(TUNED, "preload")) == ["fork", "pause", "timeout"]


def test_every_group_has_a_variant_alone_and_one_without_it():
    made = variants(lambda variant, settings: Setup("e", "m", variant, settings), TUNED)

    assert [it.variant for it in made] == [
        "default+fork", "default+preload", "default+pause",
        "tuned-fork", "tuned-preload", "tuned-pause",
    ]  # fmt: skip
    assert all(it.settings for it in made)


@pytest.mark.parametrize("tuned", ENGINES, ids=lambda tuned: tuned[0].name)
def test_a_setting_without_a_group_says_that_it_is_not_about_speed(tuned):
    speed = ("dispatch:", "cost of a step:")
    for setting in tuned:
        other = setting.reason.startswith("recovery:")
        assert setting.group or other, setting
        assert not setting.needs or setting.needs in groups(tuned)
    for group in groups(tuned):
        assert any(s.reason.startswith(speed) for s in tuned if s.group == group), group


def test_names_of_databases_are_short_enough_for_postgresql():
    assert max(len(f"warehouse_{name}") for name in setups.ABLATION) <= 63


def test_a_name_finds_what_is_listed_first_and_what_lies_between_by_its_own_name():
    found = [it.variant for it in setups.chosen(("airflow/local",))]
    assert found == ["default", "tuned"]
    assert [it.variant for it in setups.chosen(("airflow/local/tuned",))] == ["tuned"]
    (one,) = setups.chosen(("airflow/local/default+scheduler_idle_sleep_time",))
    assert names(one.settings) == ["scheduler.scheduler_idle_sleep_time"]
    assert len(setups.chosen(("airflow/local/default+",))) == len(groups(airflow.TUNED))
    with pytest.raises(LookupError, match="no setup is called airflow/local/default-"):
        setups.chosen(("airflow/local/default-x",))


def test_the_ladder_is_default_each_group_alone_and_tuned():
    ladder = [name for name in setups.LADDER if name.startswith("prefect/")]
    assert ladder == [
        "prefect/process/default", "prefect/process/default+worker_query_seconds",
        "prefect/process/default+command", "prefect/process/tuned",
    ]  # fmt: skip
    assert [it.name for it in setups.chosen(setups.LADDER)]  # every name is one


@pytest.mark.parametrize("setup", setups.RECOVERY.values(), ids=lambda setup: setup.name)
def test_a_setting_of_the_manual_says_where_the_manual_has_it(setup):
    if setup.variant == "documented":
        assert all(s.source.startswith("https://") for s in setup.settings)
    assert all(s.reason.startswith("recovery: ") for s in setup.settings if not s.group)


def test_variants_for_recovery_are_in_no_list_and_found_by_their_name():
    assert not setups.RECOVERY.keys() & setups.SETUPS.keys()
    (one,) = setups.chosen(("airflow/local/documented",))
    assert one.variant == "documented"


def test_the_pipelines_get_the_time_out_of_their_variant(tmp_path):
    for adapter, name, value in (
        (airflow.Airflow, "airflow/local/documented", "120"),
        (airflow.Airflow, "airflow/local/tuned", "120"),
        (prefect.Prefect, "prefect/process/documented", "120"),
        (prefect.Prefect, "prefect/process/tuned", None),
    ):
        one = adapter(setups.setup_of(name), Surroundings(tmp_path, ""))
        assert one._environment().get("ETL_STEP_TIMEOUT_S") == value


def test_dagster_gets_a_launcher_of_ours_only_where_the_variant_says_so():
    found = {
        name: dagster.instance_of(setups.setup_of(f"dagster/multiprocess/{name}"))
        for name in ("default", "documented", "tuned", "tuned+launcher")
    }
    ours = {"class": "HealthCheckedRunLauncher", "module": "dagster_impl.launcher"}

    assert found["tuned+launcher"] == found["tuned"] | {"run_launcher": ours}
    assert [name for name, it in found.items() if "run_launcher" in it] == ["tuned+launcher"]
    assert found["documented"]["run_monitoring"] == {"enabled": True, "max_runtime_seconds": 180}


def test_airflow_gets_the_settings_of_its_variant_and_no_others(tmp_path):
    setup = setups.setup_of("airflow/local/default+forkserver")
    told = airflow.Airflow(setup, Surroundings(tmp_path, ""))._environment()

    assert told["AIRFLOW__CORE__MP_START_METHOD"] == "forkserver"
    assert "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME" not in told
    assert "AIRFLOW__CORE__PARALLELISM" not in told


def test_prefect_gets_the_settings_of_its_variant_and_no_others(tmp_path):
    engine = prefect.Prefect(
        setups.setup_of("prefect/process/default+command"), Surroundings(tmp_path, "")
    )
    asked = []
    engine.api = Recorded(asked)
    engine._tune()

    assert "PREFECT_WORKER_QUERY_SECONDS" not in engine._environment()
    ((method, path, wanted),) = asked
    assert (method, path) == ("PATCH", "deployments/1")
    assert wanted["job_variables"]["command"].endswith("/bin/python -m prefect.engine")


class Recorded:
    """A server with one deployment that is as shipped."""

    def __init__(self, asked):
        self.asked = asked

    def deployments(self):
        return [{"id": 1, "job_variables": {}}]

    def find(self, what, asked):
        return []

    def change(self, *asked):
        self.asked.append(asked)


@pytest.mark.parametrize(
    ("name", "start_method"),
    [
        ("default", None),
        ("default+run_queue", None),
        ("default+forkserver", {"forkserver": {}}),
        ("default+preload_modules", {"forkserver": {"preload_modules": [dagster.PRELOAD]}}),
        ("tuned-preload_modules", {"forkserver": {}}),
        ("tuned", {"forkserver": {"preload_modules": [dagster.PRELOAD]}}),
    ],
)
def test_dagster_starts_steps_as_its_variant_says(tmp_path, name, start_method):
    setup = setups.setup_of(f"dagster/multiprocess/{name}")
    asked = dagster.Dagster(setup, Surroundings(tmp_path, ""))._execution()

    wanted = {"execution": {"config": {"multiprocess": {"start_method": start_method}}}}
    assert asked == (wanted if start_method else {})


def test_dagster_gets_the_settings_of_its_variant_and_no_others(tmp_path):
    setup = setups.setup_of("dagster/multiprocess/default+run_queue")
    engine = dagster.Dagster(setup, Surroundings(tmp_path, ""))
    engine._configure()
    kept = json.loads((tmp_path / "home" / "dagster.yaml").read_text())

    assert set(kept) == {"telemetry", "run_queue"}
    assert kept["run_queue"] == {"dequeue_interval_seconds": 1, "dequeue_use_threads": True}
    assert not any(name.startswith("DAGSTER_EVENT") for name in engine._environment())


def test_a_step_is_said_to_be_what_the_variant_makes_it():
    names = ("default", "default+run_queue", "default+forkserver", "tuned")
    said = {name: setups.setup_of(f"dagster/multiprocess/{name}").task for name in names}

    assert said["default"] == said["default+run_queue"] == "a new process (spawn)"
    assert "the pipelines' code" in said["default+forkserver"]
    assert "everything" in said["tuned"]


def test_verify_takes_the_variant_that_is_asked_for_or_named_and_never_nothing():
    found = setups.chosen(("dagster/multiprocess",))
    tuned = ("dagster/multiprocess/tuned",)

    def names(variant, named=()):
        return [s.variant for s in bench._of_variant(found, variant, named)]

    assert names("") == ["default"] and names("both") == ["default", "tuned"]
    assert names("", tuned) == ["default", "tuned"]
    assert [s.name for s in bench._of_variant(setups.chosen(tuned), "", tuned)] == [*tuned]
    with pytest.raises(LookupError, match="none of these setups is default"):
        bench._of_variant(setups.chosen(tuned), "", ("dagster",))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (("tuned",), ["tuned"]),
        (("tun",), ["tuned", "tuned+ours"]),
        (("tuned+",), ["tuned+ours"]),
        (("tuned", "def"), ["default", "tuned"]),
        (("none",), []),
    ],
)
def test_a_whole_name_means_itself_and_a_beginning_all_that_begin_so(asked, found):
    assert setups.meant(asked, ["default", "tuned", "tuned+ours"]) == found


def test_a_run_of_dagster_that_was_given_up_is_not_waited_for(tmp_path, monkeypatch):
    ours = next(it for it in dagster.RECOVERY if it.variant == "documented")
    engine = dagster.Dagster(ours, Surroundings(tmp_path, "", {}))
    failed = {"runId": "run", "status": "FAILURE", "tags": {"dagster/will_retry": "true"}}
    monkeypatch.setattr(dagster.DagsterApi, "last", lambda self, handle: failed)
    monkeypatch.setattr(dagster.DagsterApi, "give_up", lambda self, handle: None)

    before = engine.state("run")
    engine.give_up("run")

    assert (before, engine.state("run")) == (State.WAITING, State.FAILED)
