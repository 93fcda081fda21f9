"""Runs one service, and ends it and all that it started when the bench dies, however it dies.

Standard input is a pipe whose other end only the bench holds: its end is the bench's end. The guard
is the reaper of all orphans below it (`prctl(2)`, PR_SET_CHILD_SUBREAPER), so that even a process
that detached itself is found. It runs in a session of its own: Ctrl-C does not reach it.

Standard output gets the service's pid. Command: guard.py COMMAND [ARGUMENT ...]
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
POLL_S = 0.2
LIBC = ctypes.CDLL(None, use_errno=True)


def main(command: list[str]) -> None:
    os.setsid()
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        service = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,  # the service's log
            stderr=sys.stderr,
            start_new_session=True,
            preexec_fn=_die_with_guard,
        )
        print(service.pid, flush=True)
        while not _bench_is_gone():
            _reap()
    finally:
        _end_all()


def _die_with_guard() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _bench_is_gone() -> bool:
    readable, _, _ = select.select([0], [], [], POLL_S)
    return bool(readable) and os.read(0, 1) == b""


def _reap() -> None:
    """Collect the exit of every dead descendant, so that none stays a zombie."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _end_all() -> None:
    """Kill descendants until there are none: the children of the dead become ours in turn."""
    while children := _children():
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _reap()


def _children() -> list[int]:
    with open(f"/proc/self/task/{os.getpid()}/children") as listed:
        return [int(pid) for pid in listed.read().split()]


if __name__ == "__main__":
    main(sys.argv[1:])
