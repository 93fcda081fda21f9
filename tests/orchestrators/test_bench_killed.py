"""`bench up` killed without mercy: within 5 seconds nothing of it is left, and it starts again."""

import contextlib
import os
import signal
import subprocess
import time

import psutil
import pytest
import requests

from benchmarks.orchestrators.services import ROOT, clean_environment, environment_of, wait_until

GONE_WITHIN_S = 5.0


class Up:
    """A `bench up` in a session of its own, with its output."""

    def __init__(self, *words):
        self.process = subprocess.Popen(
            [environment_of("bench") / "bench", "up", *words],
            cwd=ROOT,
            env=clean_environment({}),
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def line(self, beginning):
        """Return the first line that begins so; it must come."""
        for line in self.process.stdout:
            if line.startswith(beginning):
                return line
        raise AssertionError(f"bench up ended before it said {beginning!r}")

    def descendants(self):
        return psutil.Process(self.process.pid).children(recursive=True)

    def kill(self):
        """SIGKILL the bench alone; return what it had started."""
        left = self.descendants()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        return left


@pytest.fixture
def up():
    started = []

    def start(*words):
        started.append(Up(*words))
        return started[-1]

    yield start
    for one in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(one.process.pid, signal.SIGKILL)
        one.process.wait()
        one.process.stdout.close()


def alive(processes):
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@pytest.mark.services
def test_bench_up_that_is_killed_leaves_no_process_and_starts_again(up):
    first = up("dagster")
    first.line("dagster/multiprocess/default: starting")
    wait_until(lambda: len(first.descendants()) > 6, timeout_s=60, because="services that start")
    early = first.kill()
    killed = time.monotonic()
    wait_until(lambda: not alive(early), timeout_s=30, because=f"an end of {early}")
    assert time.monotonic() - killed < GONE_WITHIN_S

    second = up("dagster")
    address = second.line("web UI").split()[2]
    assert requests.get(address, timeout=10).status_code == 200
    late = second.kill()
    killed = time.monotonic()
    wait_until(lambda: not alive(late), timeout_s=30, because=f"an end of {late}")
    assert time.monotonic() - killed < GONE_WITHIN_S


@pytest.mark.services
def test_ctrl_c_stops_everything_and_says_so(up):
    one = up("dagster", "--metadata", "sqlite")
    one.line("Ctrl-C")
    running = one.descendants()

    one.process.send_signal(signal.SIGINT)

    assert "stopped" in one.process.stdout.read()
    assert one.process.wait() == 130
    assert alive(running) == []
