"""Processes as this machine's kernel numbers them, those in containers included.

A container shares the kernel: each of its processes has a pid here, too, beside the one that it
knows itself and writes into the journal.
"""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import psutil

from benchmarks.compose import docker
from shared.journal import Event

PROC = Path("/proc")
CONTAINER_ID = re.compile(r"\b[0-9a-f]{64}\b")
SHORT_ID = 12  # characters of a container's id: its host name, unless it is given another


class Group(Protocol):
    """The processes of an engine, in whatever they run."""

    @property
    def directory(self) -> Path:
        """Where `logs/` is."""

    def roots(self) -> Sequence[psutil.Process]:
        """Return what all others are below, and what waits for those that lost their parent."""

    def processes(self) -> Sequence[psutil.Process]:
        """Return every live process of the engine itself."""


def children(pid: int) -> list[int]:
    """Return the children of a process, dead ones that nobody waited for included.

    As its threads' own lists in `/proc` have them: of a hundred processes, only one is looked at.
    """
    found: list[int] = []
    with suppress(OSError):  # it has ended
        for thread in (PROC / str(pid) / "task").iterdir():
            with suppress(OSError):  # the thread has
                found += map(int, (thread / "children").read_text().split())
    return found


def below(pid: int) -> list[int]:
    """Return the children of a process, their children, and so on."""
    return [it for child in children(pid) for it in (child, *below(child))]


def container_of(pid: int) -> str:
    """Return the id of the container that a process is in; "" when it is in none."""
    try:
        return container_in((PROC / str(pid) / "cgroup").read_text())
    except OSError:  # it has ended
        return ""


def container_in(cgroups: str) -> str:
    """Return the id of the container that a `/proc/PID/cgroup` names, or ""."""
    found = CONTAINER_ID.findall(cgroups)
    return found[-1] if found else ""


def inner_pid(pid: int) -> int:
    """Return the pid by which a process is known in its container; 0 when it has ended."""
    try:
        return innermost((PROC / str(pid) / "status").read_text())
    except OSError:
        return 0


def innermost(status: str) -> int:
    """Return the last pid of the line `NSpid` of a `/proc/PID/status`."""
    pids = re.search(r"^NSpid:\s*(.+)$", status, re.M)
    return int(pids[1].split()[-1]) if pids else 0


def pid_of(event: Event) -> int:
    """Return this machine's pid of the process that wrote an event.

    Raises:
        ProcessLookupError: it has ended.

    """
    if event.host == socket.gethostname():
        return event.pid
    for pid in psutil.pids():
        if inner_pid(pid) == event.pid and container_of(pid)[:SHORT_ID] == event.host:
            return pid
    raise ProcessLookupError(f"process {event.pid} of container {event.host} has ended")


def alive(event: Event) -> bool:
    """Whether the process that wrote an event still runs."""
    try:
        return psutil.Process(pid_of(event)).status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal; to a process of another user from inside of its container."""
    try:
        os.kill(pid, number)
    except PermissionError:
        if not (container := container_of(pid)):
            raise
        # A container's command runs as its user, whose own processes these are.
        docker("exec", container, "sh", "-c", f"kill -{number.value} {inner_pid(pid)}")
