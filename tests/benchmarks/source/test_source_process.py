import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import requests
import typer
from typer.testing import CliRunner

from benchmarks.source import client
from benchmarks.source.__main__ import source as source_command
from benchmarks.source.page import PATH

ROOT = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, "-m", "benchmarks.source", "--port", "0"]


@pytest.fixture
def started():
    """Return a function that starts a source with options and gives process and address."""
    processes = []

    def start(*options, **environment):
        process = subprocess.Popen(
            [*COMMAND, "--die-with-parent", *options], cwd=ROOT, stdout=subprocess.PIPE, text=True,
            env={**os.environ, **environment},
        )  # fmt: skip
        processes.append(process)
        return process, process.stdout.readline().removeprefix("source: ").strip()

    yield start
    for process in processes:
        process.terminate()
        process.wait(timeout=5)
        process.stdout.close()


def resident_bytes(process):
    pages = Path(f"/proc/{process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def test_two_processes_with_the_same_seed_serve_the_same_bytes(started, source, search):
    _, url = started("--seed", "7", "--today", source.today, "--complaints-per-day", "100")
    here = search(size=100, no_aggs=None)

    there = requests.get(url + here.request.path_url, timeout=5)

    assert there.content == here.content


def test_a_download_of_200_000_does_not_grow_the_source_beyond_its_cache(started):
    process, url = started("--complaints-per-day", "50000", "--cache-mb", "8")
    with requests.Session() as session:
        counts = [_download(session, url, "2026-01-05")]  # settles what an allocator keeps
        before = resident_bytes(process)
        counts += [_download(session, url, f"2026-01-0{n}") for n in (6, 7, 8)]

    assert counts == [50_000] * 4
    assert resident_bytes(process) - before < 32_000_000


def _download(session, url, day):
    """Count the hits of a day, page by page, with a pattern: parsing JSON would take longer."""
    window = {"date_received_min": day, "date_received_max": day, "no_aggs": "true"}
    query, count = {"sort": "created_date_desc", "size": 2000, **window}, 0
    while True:
        body = session.get(url + PATH, params=query, timeout=10).content
        sorts = re.findall(rb'"sort":\[(\d+),"(\d+)"\]', body)
        if not sorts:
            return count
        count += len(sorts)
        query["search_after"] = b"_".join(sorts[-1]).decode()


def test_control_needs_the_token_that_the_environment_names(started, monkeypatch):
    _, url = started(SOURCE_CONTROL_TOKEN="open-sesame")
    refused = requests.get(url + "/_control/served", timeout=5)
    served = requests.get(url + "/github/repos/a/b", timeout=5)
    monkeypatch.setenv("SOURCE_CONTROL_TOKEN", "open-sesame")

    assert (refused.status_code, served.status_code) == (403, 200)
    assert client.counts(url)["total"] == 1


def test_it_ends_soon_after_sigterm_also_when_a_request_hangs(started):
    process, url = started()
    client.set_fault(url, pipeline="github_stats", kind="hang")
    with pytest.raises(requests.Timeout):
        requests.get(url + "/github/repos/a/b", timeout=0.2)
    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=5) == 0


def test_it_dies_with_a_parent_that_is_killed():
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(f"""
            import subprocess
            child = subprocess.Popen({[*COMMAND, "--die-with-parent"]!r})
            child.wait()
        """)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    url = parent.stdout.readline().removeprefix("source: ").strip()
    assert client.ready(url)
    parent.kill()
    parent.wait()

    # the child holds the pipe's other end: it is read to its end when the child is dead
    assert parent.stdout.read() == ""
    parent.stdout.close()
    assert not client.ready(url)


def test_a_wrong_option_is_named():
    command = typer.Typer()
    command.command()(source_command)
    wrong = CliRunner().invoke(command, ["--today", "tomorrow"])

    assert wrong.exit_code == 2
    assert "tomorrow" in wrong.output


def test_a_taken_port_is_named(source):
    port = source.url.rpartition(":")[2]
    taken = subprocess.run(
        [*COMMAND, "--port", port], cwd=ROOT, capture_output=True, text=True, timeout=20
    )

    assert taken.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in taken.stderr


def test_recorded_pages_are_served(started, recorded_pages):
    _, url = started("--replay", str(recorded_pages))
    window = {"date_received_min": "2024-11-06", "date_received_max": "2024-11-06"}

    answer = requests.get(url + PATH, params=window, timeout=5)

    assert answer.content == (recorded_pages / "search-page-1.json").read_bytes()
