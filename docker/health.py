"""Health checks of the containers: each asks whether the service does its work.

    python docker/health.py CHECK [ARGUMENT...]

A check is started anew each time, so it imports as little as it can.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any
from urllib.request import Request, urlopen

CALL_S = 8.0
BEAT_S = 30.0  # Airflow's own age limit for heartbeats; they come every 5 s
# Dagster's daemons beat every 30 s. Its own liveness check calls one dead after 30 minutes.
DAGSTER_BEAT_S = 90.0
WORKSPACE = """{
  workspaceOrError { ... on Workspace { locationEntries {
    loadStatus locationOrLoadError { __typename } } } }
  runsOrError(limit: 1) { __typename }
}"""
BEAT_OF_A_JOB = """
SELECT extract(epoch FROM now() - max(latest_heartbeat)) FROM job
WHERE job_type = %s AND split_part(hostname, '.', 1) = %s AND state = 'running'"""
# Of the daemons of the newest process: rows of earlier ones stay.
OLDEST_BEAT_OF_THE_DAEMONS = """
SELECT extract(epoch FROM max(now() AT TIME ZONE 'UTC' - timestamp)) FROM daemon_heartbeats
WHERE daemon_id = (SELECT daemon_id FROM daemon_heartbeats ORDER BY timestamp DESC LIMIT 1)"""


def ask(url: str, content: Any = None, **headers: str) -> Any:
    """Return the JSON that an address answers with; an answer that is no success is an error."""
    body = None if content is None else json.dumps(content).encode()
    headers["Content-Type"] = "application/json"
    with urlopen(Request(url, body, headers), timeout=CALL_S) as said:
        return json.loads(said.read() or b"null")


def beat_age_s(url: str, query: str, *given: str) -> float | None:
    """Return the age of a heartbeat in a metadata database; None when there is none."""
    import psycopg2  # only the images that need it have it

    with psycopg2.connect(url.replace("+psycopg2", "", 1), connect_timeout=5) as connection:
        cursor = connection.cursor()
        cursor.execute(query, given)
        age = cursor.fetchone()[0]
    return None if age is None else float(age)


def url(address: str) -> bool:
    """Whether an address answers with success."""
    ask(address)
    return True


def source() -> bool:
    """Whether the stand-in source takes requests."""
    token = os.environ["SOURCE_CONTROL_TOKEN"]
    said = ask("http://127.0.0.1:8765/_control/ready", **{"X-Control-Token": token})
    return bool(said["ready"])


def airflow_api_server() -> bool:
    """Whether it reaches its database, and its Execution API answers: the first call is slow."""
    health = ask("http://127.0.0.1:8080/api/v2/monitor/health")
    ask("http://127.0.0.1:8080/execution/health")
    return bool(health["metadatabase"]["status"] == "healthy")


def airflow_job(kind: str) -> bool:
    """Whether this container's job of a kind beats, as `airflow jobs check` says at a high cost."""
    database = os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    age_s = beat_age_s(database, BEAT_OF_A_JOB, kind, socket.gethostname())
    return age_s is not None and age_s < BEAT_S


def dagster_webserver() -> bool:
    """Whether the code is loaded, and the run storage answers."""
    said = ask("http://127.0.0.1:3000/graphql", {"query": WORKSPACE})["data"]
    entries = said["workspaceOrError"]["locationEntries"]
    loaded = [
        entry["loadStatus"] == "LOADED"
        and entry["locationOrLoadError"]["__typename"] == "RepositoryLocation"
        for entry in entries
    ]
    return bool(loaded) and all(loaded) and said["runsOrError"]["__typename"] == "Runs"


def dagster_daemon() -> bool:
    """Whether every daemon of the process beats."""
    age_s = beat_age_s(os.environ["DAGSTER_POSTGRES_URL"], OLDEST_BEAT_OF_THE_DAEMONS)
    return age_s is not None and age_s < DAGSTER_BEAT_S


def dagster_code() -> bool:
    """Whether the code server serves: the standard health service of gRPC."""
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel("127.0.0.1:4000") as channel:
        asked = health_pb2.HealthCheckRequest(service="DagsterApi")
        said = health_pb2_grpc.HealthStub(channel).Check(asked, timeout=CALL_S)
    return bool(said.status == health_pb2.HealthCheckResponse.SERVING)


CHECKS: Mapping[str, Callable[..., bool]] = {
    "url": url,
    "source": source,
    "airflow-api-server": airflow_api_server,
    "airflow-job": airflow_job,
    "dagster-webserver": dagster_webserver,
    "dagster-daemon": dagster_daemon,
    "dagster-code": dagster_code,
}


if __name__ == "__main__":
    try:
        healthy = CHECKS[sys.argv[1]](*sys.argv[2:])
    except Exception as error:  # whatever it is, the answer is no, and Docker keeps the words
        sys.exit(f"{type(error).__name__}: {error}")
    sys.exit(0 if healthy else "not healthy")
