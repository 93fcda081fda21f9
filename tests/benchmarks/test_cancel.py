"""How each engine is asked to end a run that is at work."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.model import Setup, State, Surroundings
from benchmarks.orchestrators.api.airflow import AirflowApi
from benchmarks.orchestrators.api.dagster import DagsterApi
from benchmarks.orchestrators.api.prefect import PrefectApi
from benchmarks.orchestrators.process_runs import ProcessRuns
from benchmarks.orchestrators.services import wait_until

RUN = {"runId": "7", "status": "STARTED", "tags": []}
# What an engine says to any request: the fields that one of the three asks for.
SAID = {
    "access_token": "t",
    "status": "ACCEPT",
    "data": {"said": {"__typename": "RunGroup", "runs": [RUN]}},
}


class Engine(BaseHTTPRequestHandler):
    def do_GET(self):
        size = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(size)) if size else {}
        self.server.asked.append((self.command, self.path, body))
        answer = json.dumps(SAID).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_PATCH = do_GET  # noqa: N815  # the names that http.server looks for

    def log_message(self, *words):
        """Say nothing."""


@pytest.fixture
def engine():
    """Return the address of an engine, and what it was asked."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Engine) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", server.asked
        server.shutdown()


def test_airflow_is_told_that_the_run_has_failed(engine):
    url, asked = engine
    AirflowApi(url).cancel("complaints/r")

    assert asked[-1] == ("PATCH", "/api/v2/dags/complaints/dagRuns/r", {"state": "failed"})


def test_prefect_is_asked_for_the_state_that_its_worker_acts_on(engine):
    url, asked = engine
    PrefectApi(url).cancel("7")
    ((method, path, body),) = asked

    assert (method, path) == ("POST", "/api/flow_runs/7/set_state")
    assert body == {"state": {"type": "CANCELLING", "name": "Cancelling"}, "force": False}


def test_dagster_is_asked_to_end_the_process_before_it_marks_the_run(engine):
    url, asked = engine
    DagsterApi(url, "bench").cancel("7")
    _, path, body = asked[-1]

    assert path == "/graphql"
    assert body["variables"] == {"run": "7"}
    assert "terminateRun" in body["query"]
    assert "SAFE_TERMINATE" in body["query"]


def test_a_run_without_an_engine_gets_the_signal_of_a_person(tmp_path, runs):
    bare = ProcessRuns(Setup("bare", "process", "default"), Surroundings(tmp_path, ""))
    waiting = "import signal; print('up', flush=True); signal.pause()"
    handle = bare.launch([sys.executable, "-c", waiting], {})
    wait_until(lambda: "up" in bare.printed(handle), timeout_s=30, because="the run is not up")
    bare.cancel(handle)
    wait_until(lambda: not bare.running(handle), timeout_s=30, because="the run has not ended")
    bare.cancel(handle)  # what has ended may be cancelled, too

    assert bare.state(handle) is State.FAILED
    again = bare.resume(handle)
    assert bare.history(again).splitlines() == [
        f"{handle}: ended without saying done",
        f"{again}: at work",
    ]
    bare.stop()


def test_what_a_run_of_an_earlier_start_has_said_is_not_said_by_the_next(tmp_path, runs):
    setup, there = Setup("bare", "process", "default"), Surroundings(tmp_path, "")
    states = []
    for code in ("print('done')", "print('no')"):
        bare = ProcessRuns(setup, there)  # in the same place
        handle = bare.launch([sys.executable, "-c", code], {})
        ended = lambda bare=bare, handle=handle: not bare.running(handle)  # noqa: E731
        wait_until(ended, timeout_s=30, because="the run has not ended")
        states.append(bare.state(handle))
        bare.stop()

    assert states == [State.SUCCEEDED, State.FAILED]
