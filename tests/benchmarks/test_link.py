"""A link that is slowed, cut and left half-open, and the faults that do so."""

import math
import socket
import socketserver
import threading
import time
from types import SimpleNamespace

import pytest
from histories import history

from benchmarks.faults.network import DisturbLink
from benchmarks.link import Link
from benchmarks.model import Surroundings
from benchmarks.orchestrators import airflow, dagster, prefect
from benchmarks.scenarios import NETWORK, unsupported
from benchmarks.setups import SETUPS

PATIENCE_S = 20.0  # of a socket: nothing here takes as long
SOON_S = 0.3  # in which nothing is to come


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(1024):
            self.request.sendall(data)


@pytest.fixture
def link():
    """Return a link to a server that says again what it is told."""
    socketserver.ThreadingTCPServer.daemon_threads = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        made = Link()
        made.to(server.server_address[1])
        made.start()
        yield made
        made.stop()
        server.shutdown()


def connect(link):
    return socket.create_connection(("127.0.0.1", link.port), timeout=PATIENCE_S)


def said(connection, word=b"word"):
    connection.sendall(word)
    return connection.recv(1024)


def test_what_is_said_arrives_and_so_does_the_answer(link):
    with connect(link) as one, connect(link) as other:
        assert (said(one, b"one"), said(other, b"other")) == (b"one", b"other")


def test_a_cut_link_resets_what_is_open_and_what_comes(link):
    with connect(link) as before:
        said(before)
        link.cut()
        with pytest.raises(ConnectionError):
            said(before)
    with pytest.raises(ConnectionError), connect(link) as after:
        said(after)
    link.mend()

    with connect(link) as again:
        assert said(again) == b"word"


def test_a_half_open_link_says_nothing_until_it_is_mended(link):
    with connect(link) as connection:
        said(connection)
        link.slow(math.inf)
        connection.sendall(b"late")
        connection.settimeout(SOON_S)
        with pytest.raises(TimeoutError):
            connection.recv(1024)
        link.mend()
        connection.settimeout(PATIENCE_S)

        assert connection.recv(1024) == b"late"


def test_a_slow_link_holds_back_what_it_forwards_in_both_directions(link):
    with connect(link) as connection:
        link.slow(0.1)
        began = time.monotonic()
        answer = said(connection)

        assert answer == b"word"
        assert time.monotonic() - began >= 0.2


def test_a_link_to_a_port_where_nobody_listens_is_reset(link):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        link.to(probe.getsockname()[1])
    with pytest.raises(ConnectionError), connect(link) as connection:
        said(connection)


def test_a_link_is_started_and_stopped_twice_without_harm(link):
    link.start()
    link.stop()
    link.stop()
    with pytest.raises(ConnectionError):
        connect(link)


class Told:
    def __init__(self):
        self.told = []

    def cut(self):
        self.told.append("cut")

    def slow(self, delay_s):
        self.told.append(delay_s)

    def mend(self):
        self.told.append("mended")


@pytest.mark.parametrize(
    ("delay_s", "done", "words"),
    [(None, "cut", "cannot be reached"), (math.inf, math.inf, "not answer"), (1.0, 1.0, "after 2")],
)
def test_the_link_is_disturbed_before_a_load_and_mended(tmp_path, delay_s, done, words):
    fault = DisturbLink("disturbed", delay_s=delay_s)
    told = history((0, "submitted", ":k"), (1, "started", "load"))
    world = SimpleNamespace(link=Told(), holds=tmp_path)
    (tmp_path / "armed").touch()
    struck = fault.inject(world, told)
    fault.heal(world)

    assert fault.due(told) and not fault.due(told[:1])
    assert world.link.told == [done, "mended"]
    assert words in struck.what
    assert list(tmp_path.iterdir()) == []


def test_who_speaks_to_a_database_alone_needs_one_with_a_server():
    dagster = SETUPS["dagster/multiprocess/default"]

    assert "SQLite" in unsupported("link-cut-60-s", dagster, "sqlite")
    assert unsupported("link-cut-60-s", SETUPS["airflow/local/default"], "sqlite") == ""


METADATA = "postgresql://bench:secret@127.0.0.1:4321/metadata"


def of_prefect(link, place):
    engine = prefect.Prefect(prefect.SETUPS[0], Surroundings(place, METADATA, link=link))
    engine.port = 4321
    return engine._environment()["PREFECT_API_URL"]


def of_airflow(link, place):
    engine = airflow.Airflow(airflow.SETUPS[0], Surroundings(place, METADATA, link=link))
    engine.port = 4321
    return engine._environment()["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"]


def of_dagster(link, place):
    return dagster._over(link, METADATA)


@pytest.mark.parametrize("address", [of_prefect, of_airflow, of_dagster])
def test_steps_find_their_control_plane_over_the_link(tmp_path, address):
    link = Link()
    said = address(link, tmp_path)

    assert f":{link.port}/" in said
    assert ":4321" not in said
    assert link.target == 4321


@pytest.mark.parametrize("scenario", NETWORK, ids=lambda scenario: scenario.name)
def test_what_has_no_link_says_why(scenario):
    able = [name for name, setup in SETUPS.items() if not unsupported(scenario.name, setup)]

    assert {name.split("/")[0] for name in able} == {"airflow", "dagster", "prefect"}
    assert not [name for name in able if name.endswith("compose/default")]
