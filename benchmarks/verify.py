"""Verify: every pipeline on every engine ends with the right rows, and with the same ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import checks, runner, stack
from benchmarks.model import Outcome, Setup, Trial, Verdict, Workload
from benchmarks.sampling import Sampler
from benchmarks.scenarios import SCENARIOS
from benchmarks.stand import Stand
from benchmarks.workloads import Expected


@dataclass(frozen=True, slots=True)
class Verified:
    """What a pipeline on a setup left in the warehouse; `problems` is empty when it is right."""

    setup: str
    pipeline: str
    rows: int
    digest: str
    problems: tuple[str, ...]


def verify(
    setups: Sequence[Setup],
    workloads: Sequence[Workload],
    *,
    metadata: str,
    warehouse: str,
    say: Callable[[str], None],
    recorded: Path | None = None,
    truth: Callable[[Workload], Expected] | None = None,
) -> list[Verified]:
    """Run every workload once on every setup, one setup at a time.

    `recorded` makes the source replay recorded pages, whose truth is then `truth`.
    """
    found = []
    with stack.surrounded(
        "verify", metadata=metadata, warehouse=warehouse, recorded=recorded
    ) as surround:
        truth = truth or surround.truth()
        for setup in setups:
            stand = surround.stand(setup)
            with stack.running(stand):
                for workload in workloads:
                    found.append(_one(stand, workload, truth))
                    say(f"{setup.name:28} {workload.pipeline:13} {_words(found[-1])}")
    return found


def _words(verified: Verified) -> str:
    if verified.problems:
        return "WRONG: " + "; ".join(verified.problems)
    return f"{verified.rows:5} rows  {verified.digest[:16]}"


def _one(stand: Stand, workload: Workload, truth: runner.Truths) -> Verified:
    run = f"verify-{stand.orchestrator.setup.name.replace('/', '-')}-{workload.pipeline}"
    sampler = Sampler(stand.orchestrator.services)
    trial = runner.run_trial(stand, SCENARIOS["calm"], workload, run, sampler, truth)
    return Verified(
        setup=stand.orchestrator.setup.name,
        pipeline=workload.pipeline,
        rows=trial.ledger.present if trial.ledger else 0,
        digest=trial.ledger.digest if trial.ledger else "",
        problems=tuple(problems(trial)),
    )


def problems(trial: Trial) -> list[str]:
    """Say all that is wrong with a calm trial, at once."""
    outcome = checks.outcome_of(trial.state, trial.history)
    wrong = [] if outcome is Outcome.UNHARMED else [f"the run was not calm: {outcome}"]
    findings = checks.judge(trial, landed=True)
    return wrong + [f"{f.check}: {f.reason}" for f in findings if f.verdict is not Verdict.PASS]


def disagreements(found: Sequence[Verified]) -> list[str]:
    """Return a sentence for each pipeline whose warehouses are not all the same."""
    wrong = []
    for pipeline in dict.fromkeys(v.pipeline for v in found):
        digests = {v.digest for v in found if v.pipeline == pipeline}
        if len(digests) > 1:
            wrong.append(f"{pipeline}: the engines' warehouses differ")
    return wrong
