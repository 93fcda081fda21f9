"""What an engine wrote into its logs during a trial, kept where its outcome must be explained."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from pathlib import Path

from benchmarks.model import Outcome, Result, Truth, Verdict
from benchmarks.results import CALM, is_known_bad
from benchmarks.scenarios import SCENARIOS

HALF = 60_000  # characters at the beginning and at the end of what one log says; between: left out
GAP = "\n... {} characters left out ...\n"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
LINE = 300  # characters of a line that is quoted
# Checks whose failure outcome and truth tell already, or that is a cost and counted as one.
TOLD_ELSEWHERE = ("whole", "balanced", "truthful", "nothing_repeated")
ORPHANED = ("supervisor-killed", "host-left")  # what an orphan told its engine is in the logs alone
LATE_S = 60.0  # what took so long to be noticed is to be understood, too

Sizes = Mapping[Path, int]


def sizes(directory: Path) -> dict[Path, int]:
    """Return how long each log below an engine's directory is, in bytes."""
    return {log: log.stat().st_size for log in sorted(directory.rglob("*.log")) if log.is_file()}


def since(directory: Path, before: Sizes) -> str:
    """Return what was added to the logs, each below its name; the middle of a long one left out."""
    said = []
    for log, size in sizes(directory).items():
        with log.open("rb") as stream:
            stream.seek(before.get(log, 0) if size >= before.get(log, 0) else 0)
            text = COLOURS.sub("", stream.read().decode(errors="replace"))
        if text.strip():
            said.append(f"== {log.relative_to(directory)}\n{_shortened(text)}")
    return "\n".join(said)


def told(history: str, logs: str) -> str:
    """Return what the engine has stored of a run, in front of what it has logged."""
    stored = f"== what the engine has stored\n{_shortened(history)}" if history.strip() else ""
    return "\n".join(filter(None, (stored, logs)))


def _shortened(text: str) -> str:
    left_out = len(text) - 2 * HALF
    if left_out <= 0:
        return text
    return text[:HALF] + GAP.format(left_out) + text[-HALF:]


def is_kept(result: Result) -> bool:
    """Whether a trial's logs are kept: it must be explained, was noticed late, or had orphans."""
    if is_due(result) or failed(result):
        return True
    late = (result.measures.get("detect_s") or 0.0) > LATE_S
    return (late or result.scenario in ORPHANED) and not is_known_bad(result)


def is_due(result: Result) -> bool:
    """Whether an outcome must be explained: the engine did not by itself get to a true success."""
    if result.scenario == CALM or result.outcome is Outcome.ERROR or is_known_bad(result):
        return False
    if ends_as_it_must(result):
        return False
    by_itself = result.outcome in (Outcome.UNHARMED, Outcome.SELF_HEALED)
    return not (by_itself and result.truth is Truth.TRUE_SUCCESS)


def failed(result: Result) -> list[str]:
    """Return the checks that a trial with a fault did not pass, and that its end does not tell."""
    if result.scenario == CALM or is_known_bad(result):
        return []
    wrong = (it.check for it in result.findings if it.verdict is Verdict.FAIL)
    return [check for check in wrong if check not in TOLD_ELSEWHERE]


def ends_as_it_must(result: Result) -> bool:
    """Whether a run has failed, and said so, in a scenario in which that is right."""
    scenario = SCENARIOS.get(result.scenario)
    return scenario is not None and result.truth is scenario.ends is Truth.TRUE_FAILURE


def keep(folder: Path, name: str, said: str) -> str:
    """Keep what was logged during a trial beside the results; return its path there."""
    kept = Path("logs") / "trials" / f"{name}.log.gz"
    (folder / kept).parent.mkdir(parents=True, exist_ok=True)
    (folder / kept).write_bytes(gzip.compress(said.encode(), mtime=0))
    return str(kept)


def read(folder: Path, kept: str) -> str:
    """Return what is kept of a trial's logs; "" when nothing is."""
    file = folder / kept
    return gzip.decompress(file.read_bytes()).decode() if kept and file.is_file() else ""


def quoted(folder: Path, kept: str, pattern: str) -> str:
    """Return the first line of a trial's log in which a pattern is found; "" when in none."""
    wanted = re.compile(pattern)
    found = (match for line in read(folder, kept).splitlines() if (match := wanted.search(line)))
    return next((around(match) for match in found), "")


def around(match: re.Match[str]) -> str:
    """Return a line, or the part of it that begins a little before what was found."""
    line = match.string.strip()
    if len(line) <= LINE:
        return line
    begin = max(0, match.start() - LINE // 3)
    return f"{'... ' if begin else ''}{match.string[begin : begin + LINE].strip()} ..."
