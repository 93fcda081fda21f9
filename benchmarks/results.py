"""The results of a campaign: a folder with one line a trial, and the journals beside it."""

from __future__ import annotations

import contextlib
import functools
import math
import operator
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import orjson
from jsonschema import Draft202012Validator

from benchmarks.model import IDLE, KNOWN_BAD, Finding, Outcome, Result, Truth, Verdict
from benchmarks.noise import Noise, disturbance
from benchmarks.statistics import Sample, sampled

SCHEMA = 1
CAUGHT = "caught"  # the finding of a known-bad trial: did the check that is meant for it fail?
CALM = "calm"  # the scenario in which nothing goes wrong
FAULT_MEASURES = ("detect_s", "recover_s", "truth_s")  # they count from a fault
LINES = "results.jsonl"  # then results-2.jsonl, ...
PART_BYTES = 1_500_000  # to a larger one nothing is added: hosts of code hide or refuse it
PART = re.compile(r"results-(\d+)\.jsonl")
PLAN = "campaign.json"  # what the campaign was asked to do, beside its results
LACKING = "unsupported.json"  # which scenarios cannot be done on which setups, and why
SOUND = (Outcome.UNHARMED, Outcome.SELF_HEALED, Outcome.RESUMED)
REPEATS_FROM = 1000  # the trial number of a repeat is that of the trial and this
CONTROL_FROM = 2000  # ... of the second block of a setup that is run twice; a repeat there: of both
TRIAL = ("campaign", "engine", "mode", "variant", "pipeline", "workload", "scenario", "trial")

Row = dict[str, Any]
Measures = Mapping[str, float | None]
Lacking = Mapping[str, Mapping[str, str]]  # by scenario and setup why there can be no trial


def append(folder: Path, result: Result) -> None:
    """Add one trial in one write, on the disk when this returns.

    A file that has grown large is followed by another.

    Raises:
        ValueError: the line would not validate; nothing was written.

    """
    line = orjson.dumps(row_of(result), default=dict)
    wrong = next(_against_schema(orjson.loads(line)), None)
    if wrong:
        raise ValueError(f"results: {wrong}")
    descriptor = os.open(_open_part(folder), os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        torn = size and os.pread(descriptor, 1, size - 1) != b"\n"  # by a crash
        text = (b"\n" if torn else b"") + line + b"\n"
        written = os.write(descriptor, text)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if written != len(text):
        raise OSError(f"results: only {written} of {len(text)} bytes fit on the disk")


def parts(folder: Path) -> list[Path]:
    """Return the files that hold a folder's lines, in the order in which they were written."""
    files = folder.glob("results-*.jsonl")
    more = sorted((int(match[1]), it) for it in files if (match := PART.fullmatch(it.name)))
    return [folder / LINES, *(file for _, file in more)]


def _open_part(folder: Path) -> Path:
    last = parts(folder)[-1]
    if not last.is_file() or last.stat().st_size < PART_BYTES:
        return last
    return folder / f"results-{len(parts(folder)) + 1}.jsonl"


def read(folder: Path) -> list[Result]:
    """Return the trials of a folder in the order they were written.

    The last line of a file is left out while it has no end: another bench is writing it.

    Raises:
        FileNotFoundError: the folder has no results.jsonl.
        ValueError: a line is not a result; `problems` says more.

    """
    return [_result(where, line) for where, line in _lines(folder, whole=True)]


def gathered(folder: Path, others: Sequence[Path]) -> list[Result]:
    """Return the trials of a folder, and of other folders those of which it has none.

    A workload in a scenario comes from one campaign whole, the first that has it: what is compared
    was interleaved. Paths of journals and logs are seen from the first folder.

    Raises:
        FileNotFoundError: a folder has no results.jsonl.
        ValueError: a line is not a result; or campaigns were measured with other versions.

    """
    found = read(folder)
    for other in others:
        place = Path(os.path.relpath(other, folder))
        new = [it for it in read(other) if not is_known_bad(it)]
        _same_versions(found, new, other)
        asked = {_subject(it) for it in found if not it.warmup}
        setups = {_setup(it) for it in found}
        found += [
            _seen_from(it, place)
            for it in new
            if (_setup(it) not in setups if it.warmup else _subject(it) not in asked)
        ]
    return found


def _subject(result: Result) -> tuple[str, ...]:
    return (result.pipeline, result.workload, result.scenario)


def _setup(result: Result) -> tuple[str, ...]:
    return (result.engine, result.mode, result.variant)


def _same_versions(found: Sequence[Result], others: Sequence[Result], folder: Path) -> None:
    ours, theirs = (
        {it.engine: it.version for it in those if it.version} for those in (found, others)
    )
    for engine in ours.keys() & theirs.keys():
        if ours[engine] != theirs[engine]:
            raise ValueError(
                f"report: {folder.name} was measured with {engine} {theirs[engine]}, and not with"
                f" {ours[engine]}: they do not go into one report"
            )


def _seen_from(result: Result, place: Path) -> Result:
    """Return a trial of another folder, with the paths to what is kept there."""
    own = result.environment
    told: Row = {"log": str(place / own["log"])} if own.get("log") else {}
    if own.get("journals"):
        told["journals"] = [str(place / it) for it in own["journals"]]
    kept = str(place / result.journal) if result.journal else ""
    return replace(result, journal=kept, environment={**own, **told})


def sample(found: Iterable[Result], read: Callable[[Measures], float | None]) -> Sample:
    """Return what is read of the sound trials: a run that went wrong has no time to print.

    Results of before starts were noted count as if each trial had one of its own.
    """
    return sampled(
        [
            (value, it.environment.get("start", f"trial {it.trial}"))
            for it in found
            if sound(it) and (value := read(it.measures)) is not None
        ]
    )


def of(measure: str) -> Callable[[Measures], float | None]:
    """Return what reads one measure of a trial."""
    return operator.methodcaller("get", measure)


def sound(result: Result) -> bool:
    """Whether a trial delivered what it should have, and said so: one that did not has no time."""
    return result.outcome in SOUND and result.truth in (Truth.TRUE_SUCCESS, None)


def is_known_bad(result: Result) -> bool:
    """Whether a trial was to check the checks: it says nothing about an engine."""
    return result.engine == KNOWN_BAD


def is_control(result: Result) -> bool:
    """Whether a trial belongs to the second block of a setup that a campaign ran twice."""
    return bool(result.environment.get("control"))


def is_repeat(trial: int) -> bool:
    """Whether a trial was done again because the host was disturbed during the first."""
    return trial % CONTROL_FROM >= REPEATS_FROM


def same_trial(result: Result) -> tuple[Any, ...]:
    """Return what a trial and its repeat have in common."""
    number = result.trial - (REPEATS_FROM if is_repeat(result.trial) else 0)
    return (*(getattr(result, name) for name in TRIAL[:-1]), number, result.warmup)


def set_aside(found: Sequence[Result]) -> set[tuple[Any, ...]]:
    """Return, as `TRIAL`, the trials of which the other of trial and repeat stands in the figures.

    The repeat does when it delivered and was less disturbed than the trial it was done for.
    """
    probes = probes_ms(found)
    usual_ms = median(probes) if probes else 1.0
    once = {same_trial(r): r for r in found if not is_repeat(r.trial)}
    repeats = [r for r in found if is_repeat(r.trial) and not r.warmup]
    pairs = [(once[same_trial(r)], r) for r in repeats if same_trial(r) in once]
    return {_name(first if _stands(again, first, usual_ms) else again) for first, again in pairs}


def probes_ms(found: Iterable[Result]) -> list[float]:
    """Return how long the fixed piece of work took before each calm trial that ran alone.

    Beside other benches it says how busy those were, not how fast the host is.
    """
    own = (r.environment for r in found if r.scenario == CALM)
    return [it["noise"]["probe_ms"] for it in own if it.get("noise") and not it.get("beside")]


def is_set_aside(result: Result, aside: set[tuple[Any, ...]]) -> bool:
    """Whether a trial is in no figure, since its repeat is, or the other way round."""
    return not result.warmup and _name(result) in aside


def _name(result: Result) -> tuple[Any, ...]:
    return tuple(getattr(result, name) for name in TRIAL)


def _stands(again: Result, first: Result, usual_ms: float) -> bool:
    if not sound(again):
        return False
    return not sound(first) or _disturbance(again, usual_ms) < _disturbance(first, usual_ms)


def _disturbance(result: Result, usual_ms: float) -> float:
    told = result.environment.get("noise")
    return disturbance(Noise(**told), usual_ms) if told else math.inf


def counted(found: Sequence[Result]) -> list[Result]:
    """Return the trials that figures are made of: no warm-ups, no control, repeats for disturbed.

    What went wrong is among them, what was made wrong on purpose is not.
    """
    aside = set_aside(found)
    return [
        r
        for r in found
        if not r.warmup and not is_control(r) and not is_known_bad(r) and not is_set_aside(r, aside)
    ]


def problems(folder: Path) -> list[str]:
    """Say in one sentence each what is wrong with the results of a folder."""
    if not (folder / LINES).is_file():
        return [f"{LINES} is missing."]
    return [*refusals(folder), *_problems(folder)]


def refusals(folder: Path) -> list[str]:
    """Say that the results are refused, for each known-bad pipeline that was not caught.

    A campaign of before there were any has none to catch.
    """
    plan = folder / PLAN
    asked = orjson.loads(plan.read_bytes()).get("known_bad", []) if plan.is_file() else []
    last: dict[str, Result | None] = dict.fromkeys(asked)
    last |= {result.mode: result for result in _valid(folder) if is_known_bad(result)}
    told = {name: not_caught(result) for name, result in last.items()}
    return [
        f"The results are refused: the known-bad pipeline {name} was not caught: {why}."
        for name, why in told.items()
        if why
    ]


def not_caught(result: Result | None) -> str:
    """Return why a known-bad pipeline was not caught, from its trial; "" when it was."""
    if result is None:
        return "it was not run"
    if result.error:
        return result.error
    found = next((it for it in result.findings if it.check == CAUGHT), None)
    if found is None:
        return "nothing says that it was"
    return "" if found.verdict is Verdict.PASS else found.reason


def _valid(folder: Path) -> Iterator[Result]:
    """Return the lines that are results; of the others `problems` says what is wrong."""
    for where, line in _lines(folder):
        with contextlib.suppress(ValueError):
            yield _result(where, line)


def new_folder(root: Path, host: str) -> Path:
    """Create `results/<UTC time>-<host>/` with its `journals/`, and return it."""
    stem = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{re.sub(r'[^A-Za-z0-9.-]+', '-', host) or 'host'}"
    folder, count = root / "results" / stem, 1
    while folder.exists():  # two campaigns in one second: results are never overwritten
        count += 1
        folder = root / "results" / f"{stem}-{count}"
    (folder / "journals").mkdir(parents=True)
    return folder


def save_lacking(folder: Path, lacking: Lacking) -> None:
    """Keep, beside the results, why some scenarios have none."""
    (folder / LACKING).write_bytes(orjson.dumps(lacking, option=orjson.OPT_INDENT_2))


def lacking(folder: Path) -> Lacking:
    """Return what `save_lacking` kept; nothing where an older campaign did not."""
    file = folder / LACKING
    return orjson.loads(file.read_bytes()) if file.is_file() else {}


def point_latest(root: Path, folder: Path) -> None:
    """Let the relative link `results/latest` name a folder."""
    link = root / "results" / "latest"
    fresh = link.with_name(f".latest-{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(os.path.relpath(folder.resolve(), link.parent.resolve()))
    fresh.replace(link)


def row_of(result: Result) -> Row:
    """Return a trial as it is written: what does not apply is null."""
    row = {field.name: getattr(result, field.name) for field in fields(result)}
    for name in ("version", "journal", "error"):  # text that may not apply
        row[name] = row[name] or None
    return row


def _result(where: str, line: bytes) -> Result:
    try:
        row = orjson.loads(line)
        known = {field.name: row[field.name] for field in fields(Result)}
        known |= {name: row[name] or "" for name in ("version", "journal", "error")}
        known["outcome"] = Outcome(row["outcome"])
        known["truth"] = Truth(row["truth"]) if row["truth"] else None
        known["findings"] = tuple(
            Finding(it["check"], Verdict(it["verdict"]), it["reason"]) for it in row["findings"]
        )
        return Result(**known)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{where}: it is not a result: {error!r}") from error


def count(folder: Path) -> int:
    """Return how many lines there are; none before the first trial has ended."""
    return sum(file.read_bytes().count(b"\n") for file in parts(folder) if file.is_file())


def _lines(folder: Path, *, whole: bool = False) -> Iterator[tuple[str, bytes]]:
    """Say where each line is; `whole`: without one at an end that is still being written."""
    for file in parts(folder):
        text = file.read_bytes()
        text = text.rpartition(b"\n")[0] if whole else text
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                yield f"{file.name}, line {number}", line


@functools.cache
def _validator() -> Draft202012Validator:
    schema = orjson.loads(Path(__file__).with_name("results.schema.json").read_bytes())
    return Draft202012Validator(schema)


def _against_schema(row: Any) -> Iterator[str]:
    for error in _validator().iter_errors(row):
        where = ".".join(str(part) for part in error.absolute_path) or "the line"
        yield f"{where}: {error.message[:300]}."


def _problems(folder: Path) -> Iterator[str]:
    seen: dict[tuple[Any, ...], str] = {}
    for where, line in _lines(folder):
        try:
            row = orjson.loads(line)
        except ValueError:
            yield f"{where}: it is not JSON."
            continue
        wrong = list(_against_schema(row))
        if not wrong:
            trial = (*(row[name] for name in TRIAL), row["warmup"])
            if trial in seen:
                wrong.append(f"it is the same trial as {seen[trial]}.")
            if row["outcome"] != Outcome.ERROR:  # what broke may be done again
                seen[trial] = where
            wrong.extend(_beyond_schema(folder, row))
        yield from (f"{where}: {text}" for text in wrong)


def _beyond_schema(folder: Path, row: Row) -> Iterator[str]:
    yield from _journal_problems(folder, row)
    yield from _measure_problems(row)
    yield from _verdict_problems(row)
    if row["variant"] == "default" and row["environment"]["settings"]:
        yield "the variant is default, but settings are listed as changed."


def _journal_problems(folder: Path, row: Row) -> Iterator[str]:
    if row["journal"] is None:
        if row["outcome"] != Outcome.ERROR:
            yield "there is no journal, and the outcome is not error."
        return
    for journal in row["environment"].get("journals", [row["journal"]]):
        if not (folder / journal).resolve().is_relative_to(folder.resolve()):
            yield f"the journal {journal} is outside of the folder."
        elif not (folder / journal).is_file():
            yield f"the journal {journal} is missing."


def _measure_problems(row: Row) -> Iterator[str]:
    measures: Mapping[str, float | None] = row["measures"]
    for name, value in measures.items():
        if value is not None and value < 0:
            yield f"{name} is negative: {value}."
        if row["scenario"] == CALM and name in FAULT_MEASURES and value is not None:
            yield f"{name} counts from a fault, and a calm trial has none."


def _verdict_problems(row: Row) -> Iterator[str]:
    outcome, truth, ledger = row["outcome"], row["truth"], row["ledger"]
    if (outcome == Outcome.ERROR) != bool(row["error"]):
        yield "an outcome of error and a text in error go together."
    if truth is None and outcome != Outcome.ERROR and row["pipeline"] != IDLE:
        yield f"the outcome is {outcome}, but no truth is given."
    if (outcome == Outcome.STUCK) != (truth == Truth.LIMBO) and outcome != Outcome.ERROR:
        yield f"the outcome {outcome} and the truth {truth} contradict each other."
    if ledger and truth in (Truth.TRUE_SUCCESS, Truth.FALSE_FAILURE) and not _complete(ledger):
        yield f"the truth is {truth}, but the ledger is not complete."
    if ledger and truth in (Truth.FALSE_SUCCESS, Truth.TRUE_FAILURE) and _complete(ledger):
        yield f"the truth is {truth}, but the ledger is complete."


def _complete(ledger: Row) -> bool:
    wrong = ledger["lost"] or ledger["unexpected"] or ledger["duplicated"]
    return not wrong and bool(ledger["balance"])
