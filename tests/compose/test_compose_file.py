"""What docker-compose.yml promises, read from the file alone."""

import re
from pathlib import Path

import make_env
import pytest
import yaml

from benchmarks.compose import PORTS, belongs

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
FILE = yaml.safe_load(TEXT)
SERVICES = FILE["services"]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
ONCE = ("-migrate", "-deploy", "-first-run")
LONG = sorted(name for name in SERVICES if name != "bench" and not name.endswith(ONCE))
RUN_THE_PIPELINES = ("airflow-scheduler", "prefect-worker", "dagster-code")
SECRET_NAME = re.compile(r"PASSWORD(?!S_FILE)|SECRET|TOKEN|_KEY$|AUTH_STRING")
OURS = ("build", "never")  # pull policies of images that are made of this repository
REQUIRED = r"\$\{[A-Z_]+:\?run 'make env' first\}"
EMPTY = r"\$\{[A-Z_]+:-\}"


def needed(service):
    """Return a service and everything that `docker compose up` would start for it."""
    found, todo = set(), [service]
    while todo:
        found.add(name := todo.pop())
        todo += [other for other in SERVICES[name].get("depends_on", {}) if other not in found]
    return found


@pytest.mark.parametrize("engine", PORTS)
def test_an_engines_name_brings_all_of_it_and_nothing_of_another(engine):
    own = {name for name in SERVICES if belongs(name, [engine])}

    assert needed(engine) == own | {"source", "warehouse"}


@pytest.mark.parametrize("engine", PORTS)
def test_the_front_service_is_reached_on_loopback_and_at_a_port_that_env_can_change(engine):
    port = PORTS[engine]

    assert SERVICES[engine]["ports"] == [f"127.0.0.1:${{{engine.upper()}_PORT:-{port}}}:{port}"]


def test_every_published_port_is_on_loopback():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_the_sources_control_address_is_inside_the_network_only():
    assert "ports" not in SERVICES["source"]


def test_no_service_has_a_fixed_container_name():
    assert [name for name, service in SERVICES.items() if "container_name" in service] == []


@pytest.mark.parametrize("name", LONG)
def test_what_runs_for_long_has_a_health_check_and_comes_back(name):
    assert SERVICES[name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(name for name in SERVICES if name.endswith(ONCE)))
def test_what_runs_once_is_not_started_again(name):
    assert SERVICES[name]["restart"] == "no"


def test_the_bench_runs_only_when_it_is_asked_for():
    assert SERVICES["bench"]["profiles"] == ["tools"]


def test_every_service_of_an_engine_has_the_same_limits():
    limits = {
        (service["cpus"], service["mem_limit"])
        for name, service in SERVICES.items()
        if belongs(name, PORTS) and not name.endswith("-first-run")
    }

    assert limits == {("${ENGINE_CPUS:-2}", "${ENGINE_MEMORY:-2g}")}


def test_what_is_not_built_here_is_pinned_by_its_tag():
    pulled = {s["image"] for s in SERVICES.values() if s.get("pull_policy") not in OURS}

    assert pulled == {"postgres:15"}


@pytest.mark.parametrize("name", sorted(n for n, s in SERVICES.items() if "pull_policy" in s))
def test_an_image_of_ours_is_built_by_one_service_that_its_users_bring_along(name):
    image = SERVICES[name]["image"]
    builders = [n for n, s in SERVICES.items() if "build" in s and s["image"] == image]

    assert SERVICES[name]["pull_policy"] == ("build" if name in builders else "never")
    assert len(builders) == 1
    fronts = [front for front in (*PORTS, "bench") if name in needed(front)]
    assert all(builders[0] in needed(front) for front in fronts)


def test_base_images_are_pinned_and_nothing_else_is_fetched_to_build():
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)

    assert set(bases) == {"python:3.11-slim-bookworm"}
    assert "syntax=" not in DOCKERFILE
    assert DOCKERFILE.count("--require-hashes") == 2


@pytest.mark.parametrize("name", sorted(n for n, s in SERVICES.items() if "pull_policy" in s))
def test_our_images_run_without_root_and_reap_their_children(name):
    assert re.findall(r"^USER (.+)", DOCKERFILE, re.M)[-1] == "etl"
    assert SERVICES[name]["init"] is True
    assert SERVICES[name]["cap_drop"] == ["ALL"]


def test_no_secret_has_a_value_or_a_default_in_the_file():
    literal = []
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if SECRET_NAME.search(variable):
                fine = re.fullmatch(rf"(admin:)?{REQUIRED}|{EMPTY}", str(value))
            else:  # an address with a password in it
                fine = "@" not in str(value) or re.search(rf"://\w+:{REQUIRED}@", str(value))
            if not fine:
                literal.append((name, variable))

    assert literal == []
    assert re.fullmatch(
        rf'{{"admin": "{REQUIRED}"}}', FILE["configs"]["airflow-passwords"]["content"]
    )


def test_every_secret_that_the_file_asks_for_is_made_by_make_env():
    assert set(re.findall(r"\$\{([A-Z_]+):\?", TEXT)) == set(make_env.SECRETS)


def test_every_variable_of_the_file_is_explained_in_the_example():
    example = (ROOT / ".env.example").read_text()
    named = set(re.findall(r"\$\{([A-Z_]+)", TEXT))

    assert [v for v in sorted(named) if not re.search(rf"^#? ?{v}=", example, re.M)] == []


@pytest.mark.parametrize("name", RUN_THE_PIPELINES)
def test_what_runs_pipelines_shares_staged_batches_and_journals(name):
    service, engine = SERVICES[name], name.partition("-")[0]
    mounted = {volume.split(":")[0] for volume in service["volumes"]}

    assert {"staging", "journals"} <= mounted
    assert service["environment"]["ETL_STAGING_URL"] == f"file:///var/lib/etl/staging/{engine}"
    assert service["environment"]["ETL_JOURNAL"] == f"/var/lib/etl/journals/{engine}/runs"
    assert service["environment"]["ETL_HOLDS"] == f"/var/lib/etl/journals/{engine}/holds"
    assert "journals:/var/lib/etl/journals" in SERVICES["bench"]["volumes"]


@pytest.mark.parametrize("name", RUN_THE_PIPELINES)
def test_live_mode_and_its_keys_pass_through(name):
    passed = SERVICES[name]["environment"]

    assert passed["ETL_SOURCE"] == "${ETL_SOURCE:-standin}"
    assert passed["GITHUB_TOKEN"] == "${GITHUB_TOKEN:-}"
    assert passed["YOUTUBE_API_KEY"] == "${YOUTUBE_API_KEY:-}"


def test_every_volume_is_a_named_one():
    mounted = [v.split(":")[0] for s in SERVICES.values() for v in s.get("volumes", [])]

    assert set(mounted) == set(FILE["volumes"])
