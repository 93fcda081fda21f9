"""Each stack for real: brought up, used, hurt, and taken down without a trace."""

import json
import signal
import uuid
from dataclasses import replace

import pytest
import requests
from first_run import FINAL

from benchmarks import ledger, stack_in_containers, workloads
from benchmarks.compose import (
    PORTS,
    SECRETS,
    StackError,
    address_in_network,
    belongs,
    docker,
    inspect,
)
from benchmarks.faults import CutOffWorker, PauseWorker
from benchmarks.model import PIPELINES, Role, Scenario, State
from benchmarks.orchestrators.containers import WORKERS
from benchmarks.processes import pid_of, send
from benchmarks.runner import run_trial
from benchmarks.sampling import Sampler
from benchmarks.setups import SETUPS
from shared import journal, warehouse

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1200)]

RUN_S = 300.0
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

    def history(self, run):
        return journal.read(journal.path(self.stand.journals, run))

    def until(self, ready, because, timeout_s=RUN_S):
        def asked():
            try:
                return ready()
            except requests.RequestException:  # not there yet, or not there any more
                return False

        self.stacks.wait(asked, because, timeout_s)

    def ready(self):
        self.until(lambda: self.stacks.is_up(self.name) and self.api.ready(), "not ready")

    def kill_worker(self):
        """SIGKILL the worker container's process; return when the restart policy has acted."""
        worker = self.container(WORKERS[self.name])
        before = inspect(worker)["State"]["StartedAt"]
        send(self.engine.pids(Role.WORKER)[0], signal.SIGKILL)
        self.until(lambda: inspect(worker)["State"]["StartedAt"] != before, "not started again")

    def container(self, service):
        return next(c.name for c in self.stacks.containers() if c.service == service)

    def resumed(self, handle):
        """Continue a run as its manual says; one that died with its worker is stuck as shipped."""
        state = self.api.state(handle)
        assert state is not State.SUCCEEDED, "the worker was killed too late"
        if state is not State.FAILED:
            self.api.give_up(handle)
            self.until(lambda: self.api.state(handle) is State.FAILED, "it could not be given up")
        return self.api.resume(handle)

    def triggered(self, pipeline, run):
        """Trigger until it is accepted: pooled connections to a database that is gone are a 5xx."""
        handles = []

        def accepted():
            parameters = workloads.WORKLOADS[pipeline].parameters
            handles.append(self.api.submit(pipeline, run, parameters))
            return True

        self.until(accepted, f"{pipeline} could not be triggered")
        return handles[0]

    def end_of(self, handle):
        self.until(lambda: self.api.state(handle) in FINAL, f"{handle} did not end")
        state = self.api.state(handle)
        assert state is State.SUCCEEDED, self.api.why(handle)

    def ledger(self, pipeline, run):
        truth = workloads.expected(workloads.WORKLOADS[pipeline])
        return ledger.take(pipeline, run, truth, url=self.warehouse, requests=0)


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


def run_of(pipeline):
    return f"{pipeline}-{uuid.uuid4().hex[:8]}"


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


@pytest.mark.parametrize("fault", [PauseWorker(lasts_s=5), CutOffWorker(lasts_s=5)])
def test_a_run_ends_well_after_its_worker_was_frozen_or_cut_off(stack, fault, monkeypatch):
    source = address_in_network(stack.container("source"))
    monkeypatch.setenv(
        stack_in_containers.TOKEN, stack.stacks.environment[stack_in_containers.TOKEN]
    )
    stand = replace(stack.stand, source_url=f"http://{source}:{stack_in_containers.SOURCE_PORT}")
    scenario, workload = Scenario(fault.name, "", fault), workloads.WORKLOADS["complaints"]
    sampler = Sampler(stack.engine.services, memory=True)

    trial = run_trial(stand, scenario, workload, run_of("complaints"), sampler)

    assert fault.landed(trial.history)
    assert "healed" in {event.kind for event in trial.history}
    assert (trial.state, trial.ledger.complete) == (State.SUCCEEDED, True)
    assert sampler.cpu > 0


def test_a_run_recovers_when_the_worker_container_is_killed_after_a_commit(stack):
    warehouse.empty(stack.warehouse)
    run, workload = run_of("complaints"), workloads.WORKLOADS["complaints"]
    point = ("committed", "load", workload.keys[0])
    hold = journal.hold_file(stack.stand.holds, run, *point)
    hold.touch()

    handle = stack.api.submit("complaints", run, workload.parameters)
    stack.until(lambda: _event(stack.history(run), point), "no load committed")
    assert pid_of(_event(stack.history(run), point)) in stack.engine.pids(Role.TASK)
    stack.kill_worker()
    hold.unlink()
    stack.ready()
    stack.end_of(stack.resumed(handle))

    found = stack.ledger("complaints", run)
    assert found.complete, found


def test_a_run_starts_after_the_metadata_database_was_restarted(stack):
    warehouse.empty(stack.warehouse)
    stack.stacks.compose("restart", f"{stack.name}-postgres")
    stack.ready()
    run = run_of("github_stats")

    stack.end_of(stack.triggered("github_stats", run))

    assert stack.ledger("github_stats", run).complete


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


def _event(history, point):
    return next((e for e in history if (e.kind, e.step, e.key) == point), None)
