"""Services: start, wait for, log, stop a set of processes; used by every adapter.

Each service runs under a guard (`guard.py`), which ends it and its descendants when the bench is
gone. Where the guards are is also written down, so that the next start ends what a crash of the
whole machine's session left.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path
from typing import BinaryIO

import orjson
import psutil

from benchmarks.model import Role

ROOT = Path(__file__).resolve().parents[2]
RUNS = ROOT / "runs"
GUARDS = "guards.jsonl"
GUARD = Path(__file__).with_name("guard.py")
POLL_S = 0.1
GRACE_S = 5.0  # from SIGTERM to SIGKILL when a service is stopped
# What a service gets of our own environment. Nothing else leaks in: a setting in the caller's shell
# must not turn a default setup into a tuned one.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "SSL_CERT_FILE")


@dataclass(slots=True)
class Service:
    """One running service: the guard's process, and the service's own pid and log."""

    name: str
    role: Role
    guard: subprocess.Popen[bytes]
    pid: int
    log: Path

    def running(self) -> bool:
        """Whether the service's own process lives (its orphans may outlive it)."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
        return False

    def processes(self) -> list[psutil.Process]:
        """Return every live process below the guard, oldest first; the guard is not in it."""
        try:
            found = psutil.Process(self.guard.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        return sorted(found, key=lambda process: process.pid)


@dataclass(slots=True)
class Services:
    """The services of one engine, in the order of their start."""

    directory: Path
    started: dict[str, Service] = field(default_factory=dict)
    left: list[Service] = field(default_factory=list)  # have died; what they started may be at work

    def log(self, name: str) -> Path:
        """Return where a service of a name writes to."""
        return self.directory / "logs" / f"{name}.log"

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        role: Role = Role.CONTROL,
        environment: Mapping[str, str],
        user: int | None = None,
    ) -> Service:
        """Start a service; its log is `logs/NAME.log`, appended to when it is started again."""
        log = self.log(name)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as stream:
            guard = subprocess.Popen(
                [sys.executable, "-I", "-S", str(GUARD), *map(str, command)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                env=clean_environment(environment),
                cwd=self.directory,
                user=user,
            )
        assert guard.stdout is not None
        line = guard.stdout.readline()
        if not line:
            guard.communicate()
            raise RuntimeError(f"{name} could not be started: {tail(log)}")
        service = Service(name, role, guard, int(line), log)
        self.started[name] = service
        remember(guard.pid)
        return service

    def wait_until(self, ready: Callable[[], bool], *, timeout_s: float, because: str) -> None:
        """Wait for a condition while every service lives.

        Raises:
            TimeoutError: it did not hold in time; the message quotes the last error and the logs.
            RuntimeError: a service ended by itself.

        """
        wait_until(ready, timeout_s=timeout_s, because=because, alive=self.check)

    def check(self) -> None:
        """Raise `RuntimeError`, quoting its log, when a service has ended by itself."""
        for service in self.started.values():
            if not service.running():
                raise RuntimeError(f"{service.name} ended by itself; {tail(service.log)}")

    def stop(self, name: str, *, grace_s: float = GRACE_S) -> None:
        """Ask a service to end, then end it and all that it started."""
        service = self.started.pop(name, None)
        if service is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(service.pid, signal.SIGTERM)
        deadline = time.monotonic() + grace_s
        while service.processes() and time.monotonic() < deadline:
            time.sleep(POLL_S)
        end(service)

    def kill(self, name: str) -> None:
        """SIGKILL a service and all that it started, at once."""
        service = self.started.pop(name, None)
        if service is not None:
            end(service)

    def dead(self) -> list[str]:
        """Return the services that have ended by themselves."""
        return [name for name, service in self.started.items() if not service.running()]

    def bury(self) -> None:
        """End what services that have died left behind, so that they can be started again."""
        for name in self.dead():
            self.kill(name)

    def leave(self, name: str) -> None:
        """Let a service that has died be started again, and what it had started go on."""
        self.left.append(self.started.pop(name))

    def kill_all(self) -> None:
        """SIGKILL every service and all that they started, at once."""
        for name in list(self.started):
            self.kill(name)
        self.end_left()

    def end_left(self) -> list[str]:
        """End what services that were left have started; return their names."""
        names = [it.name for it in self.left]
        while self.left:
            end(self.left.pop())
        return names

    def stop_all(self, *, grace_s: float = GRACE_S) -> None:
        """Stop what was started, last first; all are asked before any is waited for."""
        for service in self.started.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(service.pid, signal.SIGTERM)
        for name in list(reversed(self.started)):
            self.stop(name, grace_s=grace_s)
        self.end_left()

    def pids(self, role: Role) -> list[int]:
        """Return the own pids of the living services of a role, oldest first."""
        return [s.pid for s in self.started.values() if s.role is role and s.running()]

    def roots(self) -> list[psutil.Process]:
        """Return the guards, which wait for what is orphaned below them."""
        found = []
        for service in (*self.started.values(), *self.left):
            with contextlib.suppress(psutil.NoSuchProcess):  # it was killed
                found.append(psutil.Process(service.guard.pid))
        return found

    def processes(self) -> list[psutil.Process]:
        """Return every live process below the guards."""
        services = (*self.started.values(), *self.left)
        return [p for service in services for p in service.processes()]


def end(service: Service) -> None:
    """Close the guard's pipe: it kills everything below it and ends."""
    assert service.guard.stdin is not None
    assert service.guard.stdout is not None
    service.guard.stdin.close()
    service.guard.stdout.close()
    service.guard.wait(timeout=30)


def wait_until(
    ready: Callable[[], bool],
    *,
    timeout_s: float,
    because: str,
    alive: Callable[[], None] = lambda: None,
    poll_s: float = POLL_S,
) -> None:
    """Ask until true. An `OSError` (every error of `requests` is one) means not yet.

    Raises:
        TimeoutError: naming what was waited for, and the last error seen.

    """
    deadline = time.monotonic() + timeout_s
    last: object = "not yet"
    while time.monotonic() < deadline:
        alive()
        try:
            if ready():
                return
        except OSError as error:
            last = error
        time.sleep(poll_s)
    raise TimeoutError(f"{because}: not in {timeout_s:g} s; last: {last}")


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return the little that a service inherits, and what it is given."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {**inherited, "PYTHONUNBUFFERED": "1", **extra}


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_once(
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    directory: Path,
    *,
    timeout_s: float,
) -> None:
    """Run a command to its end; what it says is appended to `logs/once.log`.

    Raises:
        RuntimeError: it failed; the message quotes the log.

    """
    log = directory / "logs" / "once.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stream:
        ended = subprocess.run(
            command,
            env=clean_environment(environment),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            timeout=timeout_s,
            check=False,
        )
    if ended.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} failed; {tail(log)}")


def tail(log: Path, lines: int = 15) -> str:
    """Return the name and the last lines of a log, for an error message."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return f"log {log}:\n" + "\n".join(text.splitlines()[-lines:])


def portable(text: str) -> str:
    """Return a text without where on this machine the checkout and the home folder lie."""
    text, home = text.replace(f"{ROOT}/", "").replace(str(ROOT), "."), Path.home()
    return text if home == home.parent else text.replace(f"{home}/", "~/")


def environment_of(engine: str) -> Path:
    """Return the folder of an environment's programs, for example `.venvs/airflow/bin`.

    Raises:
        FileNotFoundError: the environment is not installed.

    """
    folder = ROOT / ".venvs" / engine / "bin"
    if not (folder / "python").exists():
        raise FileNotFoundError(f"the environment '{engine}' is not installed: run `make setup`")
    return folder


def installed_version(engine: str, package: str) -> str:
    """Return the version of a package as its own metadata in the engine's environment states it."""
    folders = map(str, environment_of(engine).parent.glob("lib/python*/site-packages"))
    return next(iter(distributions(name=package, path=list(folders)))).version


def remember(pid: int) -> None:
    """Write down a guard, so that `end_leftovers` finds it after a crash."""
    line = {"pid": pid, "bench": os.getpid(), "created": psutil.Process(pid).create_time()}
    with _guards() as stream:
        stream.seek(0, os.SEEK_END)
        stream.write(orjson.dumps(line) + b"\n")


def benches_beside() -> int:
    """Count the other benches that have services of this checkout at work.

    One that has started this one does nothing meanwhile.
    """
    with _guards() as stream:
        noted = [orjson.loads(line) for line in stream]
    live = (it for it in noted if _process(it["pid"], it["created"]) is not None)
    above = {process.pid for process in psutil.Process().parents()}
    return len({it["bench"] for it in live} - above - {os.getpid()})


@contextlib.contextmanager
def _guards() -> Iterator[BinaryIO]:
    """Open the list of guards for this process alone: several benches may be at work."""
    RUNS.mkdir(exist_ok=True)
    with (RUNS / GUARDS).open("a+b") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.seek(0)
        yield stream


def end_leftovers(*, bench_too: bool = False) -> int:
    """End guards whose bench is gone (or all of them), with all below; return how many."""
    kept, ended = [], 0
    if not (RUNS / GUARDS).exists():
        return 0  # nothing was ever started here, and nothing need be writable
    with _guards() as stream:
        for line in stream.readlines():
            noted = orjson.loads(line)
            guard = _process(noted["pid"], noted["created"])
            if guard is None:
                continue
            if psutil.pid_exists(noted["bench"]) and not bench_too:
                kept.append(line)
                continue
            for process in [*guard.children(recursive=True), guard]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            ended += 1
        stream.truncate(0)
        stream.writelines(kept)
    return ended


def _process(pid: int, created: float) -> psutil.Process | None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        if process.create_time() == created:
            return process
    return None
