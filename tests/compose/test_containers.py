"""Each stack for real: brought up, used, hurt, and taken down without a trace."""

import contextlib
import json
import uuid
from pathlib import PurePosixPath

import orjson
import pytest
import requests
from first_run import FINAL

from benchmarks import ledger, workloads
from benchmarks.compose import (
    PORTS,
    StackError,
    Stacks,
    belongs,
    connect,
    disconnect,
    docker,
    inspect,
    pause,
    thaw,
)
from benchmarks.model import PIPELINES, State
from benchmarks.orchestrators.api import APIS
from benchmarks.orchestrators.containers import WORKERS, Containers
from benchmarks.processes import container_of
from shared import journal, warehouse

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1200)]

RUN_S = 300.0
# What a person without the password can try, and what must answer 401.
PROTECTED = {
    "airflow": ("POST", "/api/v2/dags/complaints/dagRuns"),
    "prefect": ("POST", "/api/deployments/filter"),
}
# In a container the init process has one child, the service. SIGKILL ends it and, with it, all.
KILL_THE_SERVICE = """
import os, pathlib, signal
for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
    if stat.read_text().rpartition(")")[2].split()[1] == "1":
        os.kill(int(stat.parent.name), signal.SIGKILL)
"""


class Stack:
    """One engine's stack that is up, and what a test asks of it."""

    def __init__(self, name, stacks):
        self.name, self.stacks = name, stacks
        self.url = stacks.address(name)
        given = stacks.environment
        self.api = APIS[name](self.url, given)
        port = given["WAREHOUSE_PORT"]
        self.warehouse = f"postgresql://etl:{given['WAREHOUSE_PASSWORD']}@127.0.0.1:{port}/{name}"

    def inside(self, *command):
        """Run a command in the engine's front container, which sees every shared volume."""
        return self.stacks.compose("exec", "-T", self.name, *command)

    def history(self, run):
        file = journal.path(PurePosixPath(f"/var/lib/etl/journals/{self.name}/runs"), run)
        text = self.inside("sh", "-c", f"cat {file} 2>/dev/null || true")
        return [orjson.loads(line) for line in text.splitlines()]

    def hold(self, *point):
        folder = PurePosixPath(f"/var/lib/etl/journals/{self.name}/holds")
        return str(journal.hold_file(folder, *point))

    def until(self, ready, because, timeout_s=RUN_S):
        def asked():
            try:
                return ready()
            except requests.RequestException:  # not there yet, or not there any more
                return False

        self.stacks.wait(asked, because, timeout_s)

    def ready(self):
        self.until(lambda: self.stacks.is_up(self.name) and self.api.ready(), "not ready")

    def kill(self, service):
        """SIGKILL the process of a container, and return when the restart policy has acted."""
        started = ("inspect", "-f", "{{.State.StartedAt}}", self.container(service))
        before = docker(*started)
        with contextlib.suppress(StackError):  # the command dies with the container
            self.stacks.compose("exec", "-T", service, "python", "-c", KILL_THE_SERVICE)
        self.until(lambda: docker(*started) != before, f"{service} was not started again")

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
def stack(request, environment):
    try:
        docker("version", "--format", "{{.Server.Version}}")
    except StackError:
        pytest.skip("no Docker engine answers: these tests bring containers up")
    stacks = Stacks(environment)
    stacks.down()
    try:
        stacks.up(request.param, "--build")
        yield Stack(request.param, stacks)
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


def test_the_workers_container_is_frozen_and_cut_off_and_works_again(stack, tmp_path):
    warehouse.empty(stack.warehouse)
    worker = stack.container(WORKERS[stack.name])
    seen = Containers(tmp_path, stack.stacks, stack.name)
    run = run_of("github_stats")

    for hurt, mend in ((pause, thaw), (disconnect, connect)):
        hurt(worker)
        mend(worker)
        mend(worker)  # twice does nothing
    stack.ready()
    stack.end_of(stack.triggered("github_stats", run))

    init = seen.inits()[WORKERS[stack.name]]
    assert container_of(init.pid) == inspect(worker)["Id"]
    assert stack.ledger("github_stats", run).complete


def test_a_run_recovers_when_the_worker_container_is_killed_after_a_commit(stack):
    warehouse.empty(stack.warehouse)
    run, worker = run_of("complaints"), WORKERS[stack.name]
    workload = workloads.WORKLOADS["complaints"]
    hold = stack.hold(run, "committed", "load", workload.keys[0])
    stack.inside("touch", hold)

    handle = stack.api.submit("complaints", run, workload.parameters)
    stack.until(lambda: _committed(stack.history(run), workload.keys[0]), "no load committed")
    stack.kill(worker)
    stack.inside("rm", hold)
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
    secrets = [v for k, v in stack.stacks.environment.items() if "_PORT" not in k and len(v) > 20]
    log = stack.stacks.log()
    layers = docker("history", "--no-trunc", "--format", "json", f"orchestrators-{stack.name}")

    assert len(secrets) == 10
    assert [s for s in secrets if s in log or s in layers] == []
    assert ".env\n" not in stack.inside("ls", "-a", "/opt/project")


def test_taking_it_down_leaves_nothing(stack):
    stack.stacks.down()

    project = stack.stacks.environment["COMPOSE_PROJECT_NAME"]
    label = f"label=com.docker.compose.project={project}"
    assert docker("ps", "--all", "--quiet", "--filter", label) == ""
    assert docker("volume", "ls", "--quiet", "--filter", label) == ""
    assert docker("network", "ls", "--quiet", "--filter", label) == ""


def _committed(history, key):
    return any((e["kind"], e["step"], e["key"]) == ("committed", "load", key) for e in history)
