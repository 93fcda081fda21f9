"""Every mode beside the ordinary ones: a chain, each value handed on, nothing left; its clock."""

import pytest

from benchmarks import checks, setups
from benchmarks.model import Role, State, Surroundings, Verdict
from benchmarks.orchestrators import services
from benchmarks.runner import run_trial
from benchmarks.sampling import Sampler
from benchmarks.scenarios import SCENARIOS
from benchmarks.stack import furnished
from benchmarks.stand import Stand
from benchmarks.workloads import fib_40_10, sizes
from shared import warehouse

WORKLOAD = fib_40_10()
# How many services each has up.
MODES = {
    "airflow/dag-test/default": 0,
    "prefect/serve/default": 2,
    "prefect/serve/tuned": 2,
    "prefect/script/default": 1,
    "dagster/in-process/default": 3,
    "dagster/in-process/tuned": 3,
    "dagster/api/default": 0,
}
# Where a service keeps the times of the steps: everywhere that there is one.
STORED = tuple(name for name, services_up in MODES.items() if services_up)


@pytest.fixture
def stand(request, tmp_path, source_url, monkeypatch):
    """Return a started stand of a setup on SQLite; afterwards nothing of it may run."""
    monkeypatch.setattr(services, "RUNS", tmp_path)
    url = f"sqlite:///{tmp_path}/warehouse.db"
    found = furnished(tmp_path, source_url, url)
    environment = {**found, "ETL_SCHEDULE": "false", "ETL_SYNTHETIC": sizes([WORKLOAD])}
    surroundings = Surroundings(tmp_path / "engine", "", environment)
    engine = setups.make(setups.SETUPS[request.param], surroundings)
    folders = [tmp_path / name for name in ("journals", "holds", "staging")]
    running = []
    try:
        engine.start()
        yield Stand(engine, source_url, url, *folders)
        running = [p for s in engine.services.started.values() for p in s.processes()]
    finally:
        engine.stop()
        warehouse.engine(url).dispose()
    assert not [process for process in running if process.is_running()]


def test_every_setup_is_ordinary_or_a_mode_of_this_list():
    ordinary = {setup.name for setup in setups.chosen(setups.ORDINARY)}

    assert set(setups.SETUPS) - ordinary - set(setups.COMPOSED) == set(MODES)
    assert len(ordinary) == 7


@pytest.mark.services
@pytest.mark.parametrize("stand", MODES, indirect=True)
def test_a_mode_hands_each_value_of_a_chain_to_the_next_step(stand):
    engine = stand.orchestrator

    trial = run_trial(stand, SCENARIOS["calm"], WORKLOAD, "mode-1", Sampler(engine.services))

    assert trial.state is State.SUCCEEDED
    assert checks.worked(trial).verdict is Verdict.PASS, checks.worked(trial).reason
    steps = {event.pid for event in trial.history if event.kind == "started"}
    assert len(steps) == 1, "in these modes one process executes all steps"
    up = [*engine.pids(Role.CONTROL), *engine.services.pids(Role.WORKER)]
    assert len(up) == MODES[engine.setup.name]
    told = trial.told
    if engine.setup.name in STORED:
        assert told.span_s is not None and told.span_s > 0, told.no_span
    else:
        assert told.span_s is None and "no service" in told.no_span
