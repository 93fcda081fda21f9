"""Each stack for real: brought up, used, hurt, and taken down without a trace."""

import json
import uuid
from dataclasses import replace

import pytest
import requests

from benchmarks import stack_in_containers, workloads
from benchmarks.compose import (
    PORTS,
    SECRETS,
    StackError,
    address_in_network,
    belongs,
    docker,
)
from benchmarks.faults.container import CutOffWorker, KillWorker, PauseWorker
from benchmarks.faults.database import KillServer
from benchmarks.faults.service import CutPower, KillControl
from benchmarks.model import PIPELINES, Scenario, State
from benchmarks.runner import run_trial
from benchmarks.sampling import Sampler
from benchmarks.setups import SETUPS

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1200)]

RUN_S = 420.0
STUCK_S = 45.0  # without a sign of a run that was hit, until a person steps in
# The same where a service may hang: by then it is known to be unwell (a heartbeat older than 30 s,
# three checks of 20 s).
HANGING_S = 100.0
# What a person without the password can try, and what must answer 401.
PROTECTED = {
    "airflow": ("POST", "/api/v2/dags/complaints/dagRuns"),
    "prefect": ("POST", "/api/deployments/filter"),
}


class Stack:
    """One engine's stack that is up, and what a test asks of it."""

    def __init__(self, name, stand):
        self.name, self.stand, self.engine = name, stand, stand.orchestrator
        self.stacks, self.api = self.engine.stacks, self.engine.engine.api
        self.url, self.warehouse = self.engine.web_ui(), stand.warehouse_url

    def inside(self, *command):
        """Run a command in the engine's front container."""
        return self.stacks.compose("exec", "-T", self.name, *command)

    def until(self, ready, because, timeout_s=RUN_S):
        def asked():
            try:
                return ready()
            except requests.RequestException:  # not there yet, or not there any more
                return False

        self.stacks.wait(asked, because, timeout_s)

    def ready(self):
        self.until(lambda: self.stacks.is_up(self.name) and self.api.ready(), "not ready")

    def container(self, service):
        return next(c.name for c in self.stacks.containers() if c.service == service)


@pytest.fixture(scope="module", params=PORTS)
def stack(request, environment, tmp_path_factory):
    try:
        docker("version", "--format", "{{.Server.Version}}")
    except StackError:
        pytest.skip("no Docker engine answers: these tests bring containers up")
    own = stack_in_containers.Own(tmp_path_factory.mktemp(request.param))
    own.variables = {**environment, "COMPOSE_FILE": stack_in_containers.SAME["COMPOSE_FILE"]}
    stand = own.stand(SETUPS[f"{request.param}/compose/default"], passed={})
    stacks = stand.orchestrator.stacks
    stacks.down()
    try:
        stacks.up(request.param, "--build")
        yield Stack(request.param, stand)
    finally:
        stacks.down()


def test_one_command_brought_every_service_and_a_first_run(stack):
    services = {c.service for c in stack.stacks.containers()}

    assert all(belongs(s, [stack.name]) or s in ("source", "warehouse") for s in services)
    assert all(stack.api.has_run(pipeline) for pipeline in PIPELINES)
    assert "every pipeline has run" in stack.stacks.log(f"{stack.name}-first-run")
    assert requests.get(stack.url, timeout=30).status_code == 200  # the web UI


def test_ports_are_on_loopback_alone(stack):
    listed = map(json.loads, stack.stacks.compose("ps", "--format", "json").splitlines())
    published = [p for c in listed for p in c["Publishers"] or () if p["PublishedPort"]]

    assert {p["URL"] for p in published} == {"127.0.0.1"}
    assert len(published) == 2  # the front service and the warehouse


def test_without_the_password_nothing_is_answered(stack):
    if stack.name not in PROTECTED:
        pytest.skip("Dagster has no authentication")
    method, path = PROTECTED[stack.name]
    for login in (None, ("admin", "admin"), ("admin", "")):
        answer = requests.request(method, stack.url + path, json={}, auth=login, timeout=30)
        assert answer.status_code == 401
    if stack.name == "airflow":
        for password in ("admin", "airflow"):
            login = {"username": "admin", "password": password}
            assert (
                requests.post(f"{stack.url}/auth/token", json=login, timeout=30).status_code == 401
            )


def test_the_bench_inside_of_the_network_verifies_every_pipeline(stack):
    said = stack.stacks.compose("run", "--rm", "-T", "bench", "verify")

    assert "All 3 warehouses equal the ground truth, row by row." in said, said
    assert all(f"{stack.name}/compose/default" in said and p in said for p in PIPELINES)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(PauseWorker(lasts_s=5), marks=pytest.mark.slow),
        pytest.param(CutOffWorker(lasts_s=5), marks=pytest.mark.slow),
        KillWorker(),
        pytest.param(KillControl(), marks=pytest.mark.slow),
        KillServer("metadata-killed"),
        CutPower(),
    ],
    ids=lambda fault: fault.name,
)
def test_a_run_that_was_hit_brings_every_row_in_the_end(stack, fault, monkeypatch):
    """Some run on, some need a person: the bench's campaigns say who; none may lose a row."""
    source = address_in_network(stack.container("source"))
    monkeypatch.setenv(
        stack_in_containers.TOKEN, stack.stacks.environment[stack_in_containers.TOKEN]
    )
    stand = replace(stack.stand, source_url=f"http://{source}:{stack_in_containers.SOURCE_PORT}")
    stuck_s = HANGING_S if isinstance(fault, CutOffWorker) else STUCK_S
    scenario = Scenario(fault.name, "", fault, deadline_s=RUN_S, stuck_s=stuck_s)
    workload, run = workloads.WORKLOADS["complaints"], f"complaints-{uuid.uuid4().hex[:8]}"

    trial = run_trial(stand, scenario, workload, run, Sampler(stack.engine.services))

    assert fault.landed(trial.history)
    assert (trial.state, trial.ledger.complete) == (State.SUCCEEDED, True), trial.history[-8:]
    stack.ready()


def test_no_secret_is_in_a_log_or_an_image(stack):
    secrets = [stack.stacks.environment[name] for name in SECRETS]
    log = stack.stacks.log()
    layers = docker("history", "--no-trunc", "--format", "json", f"orchestrators-{stack.name}")

    assert [s for s in secrets if s in log or s in layers] == []
    assert ".env\n" not in stack.inside("ls", "-a", "/opt/project")


def test_taking_it_down_leaves_nothing(stack):
    stack.stacks.down()

    project = stack.stacks.environment["COMPOSE_PROJECT_NAME"]
    label = f"label=com.docker.compose.project={project}"
    assert docker("ps", "--all", "--quiet", "--filter", label) == ""
    assert docker("volume", "ls", "--quiet", "--filter", label) == ""
    assert docker("network", "ls", "--quiet", "--filter", label) == ""
