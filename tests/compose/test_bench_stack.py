"""What the bench lays over docker-compose.yml, and what it says of the setups in containers."""

import re
from pathlib import Path

import pytest
import yaml

from benchmarks import stack_in_containers
from benchmarks.compose import PORTS, SECRETS, Container, Stacks
from benchmarks.orchestrators.containers import NEEDED, SETUPS, WORKERS

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
SERVICES = yaml.safe_load(TEXT)["services"]
OVER = yaml.safe_load((ROOT / "docker" / "bench.compose.yml").read_text())["services"]


@pytest.mark.parametrize("engine", PORTS)
def test_every_variable_of_an_engine_is_a_listed_setting(engine):
    own = (engine.upper(), "DO_NOT_TRACK")
    set_ = {
        name
        for service, told in SERVICES.items()
        if service.startswith(engine) and not service.endswith(("-postgres", "-first-run"))
        for name in told.get("environment", {})
        if name.startswith(own)
    }
    listed = " ".join(setting.name for setting in NEEDED[engine])

    assert [name for name in sorted(set_) if name not in listed] == []


def test_the_setups_are_as_shipped_but_for_what_is_listed():
    assert [s.name for s in SETUPS] == [f"{engine}/compose/default" for engine in PORTS]
    assert all(s.needed and not s.settings for s in SETUPS)


def test_no_variable_of_the_compose_file_is_left_to_a_persons_env(tmp_path):
    used = set(re.findall(r"\$\{([A-Z_]+)", TEXT))

    assert used - set(stack_in_containers.variables(tmp_path)) == set()


def test_the_bench_has_secrets_and_ports_of_its_own_each_time(tmp_path):
    first, second = stack_in_containers.variables(tmp_path), stack_in_containers.variables(tmp_path)

    assert first["COMPOSE_PROJECT_NAME"] == "orchestrators-bench"
    assert [name for name in SECRETS if first[name] == second[name]] == []
    assert not {first[f"{e.upper()}_PORT"] for e in PORTS} & {"8080", "4200", "3000"}


def test_it_changes_only_where_journals_and_staged_batches_are():
    assert {name: set(service) for name, service in OVER.items()} == {
        name: {"volumes"} for name in (*WORKERS.values(), "bench")
    }


def test_compose_takes_both_files_and_mounts_folders_below_runs(environment, tmp_path):
    told = yaml.safe_load(Stacks(stack_in_containers.variables(tmp_path)).compose("config"))

    for worker in WORKERS.values():
        mounted = {v["target"]: v for v in told["services"][worker]["volumes"]}
        for name in ("journals", "staging"):
            assert mounted[f"/var/lib/etl/{name}"]["type"] == "bind"
            assert mounted[f"/var/lib/etl/{name}"]["source"] == str(tmp_path / name)
    assert told["name"] == stack_in_containers.PROJECT
    ports = [p for s in told["services"].values() for p in s.get("ports", [])]
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}


def test_a_stand_is_a_folder_that_the_containers_user_may_write_to(tmp_path):
    own = stack_in_containers.Own(tmp_path)
    own.variables, own.source_url = (
        stack_in_containers.variables(tmp_path),
        "http://172.18.0.2:8765",
    )

    stand = own.stand(SETUPS[1])

    assert stand.journals == tmp_path / "prefect-compose-default/journals/prefect/runs"
    for folder in (stand.journals, stand.holds, stand.staging / "cache" / "github_stats"):
        assert folder.stat().st_mode & 0o777 == 0o777
    assert stand.warehouse_url.endswith("/prefect")
    assert stand.orchestrator.web_ui() == f"http://127.0.0.1:{own.variables['PREFECT_PORT']}"


@pytest.mark.parametrize(
    ("state", "running", "ready"),
    [
        ("running", True, True),
        ("paused", True, False),
        ("restarting", True, False),
        ("exited", False, False),
    ],
)
def test_a_frozen_container_has_processes_and_is_not_ready(state, running, ready):
    container = Container("prefect-worker", "x", state, "healthy", 0)

    assert (container.running, container.ready) == (running, ready)
