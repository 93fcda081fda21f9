"""What is handed from step to step: its price by size, and the size at which an engine refuses."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.report import scaling, steps, words
from benchmarks.report.curves import Curve
from benchmarks.report.facts import Campaign, Cell, SetupId, Subject
from benchmarks.report.shapes import shape_of
from benchmarks.report.words import Figure, Mark
from benchmarks.results import sound
from benchmarks.statistics import Sample

HANDOFF = "handoff_p50_s"


@dataclass(frozen=True, slots=True)
class Line:
    """One setup: the hand-off by the size of what is handed on, or how the trials ended."""

    setup: SetupId
    task: str
    figures: tuple[tuple[Cell, Figure, Mark | None], ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Chains of one count of steps, of every size that was measured."""

    title: str
    sizes: tuple[int, ...]
    lines: tuple[Line, ...]
    curves: tuple[Curve, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Up to which size payloads arrived whole on one setup, and what became of the next one."""

    setup: SetupId
    whole: int | None  # the largest in bytes; None: none did
    refused: int | None  # the smallest larger one of which no trial was sound
    cell: Cell | None  # its trials
    words: str


def groups(campaign: Campaign) -> list[Group]:
    """Return the chains that hand a payload on, by their count of steps."""
    found: dict[int, dict[int, Subject]] = {}
    for count, size, subject in _chains(campaign):
        found.setdefault(count, {})[size] = subject
    return [_group(campaign, *it) for it in sorted(found.items(), reverse=True)]


def _chains(campaign: Campaign) -> list[tuple[int, int, Subject]]:
    """Return count of steps, size and subject of each chain that hands a payload on."""
    told = [(shape_of(it.workload), it) for it in campaign.synthetic]
    return sorted(
        ((shape.steps, shape.amount, subject) for shape, subject in told
         if shape and (shape.pipeline, shape.kind) == ("chain", "payload") and shape.steps > 1),
        key=lambda it: it[:2],
    )  # fmt: skip


def _group(campaign: Campaign, count: int, subjects: dict[int, Subject]) -> Group:
    lines, curves = [], []
    for setup in steps.setups(campaign):
        cells = {size: campaign.cell(setup, it) for size, it in subjects.items()}
        figures = (
            (it, steps.in_ms(it.values(HANDOFF), it, campaign.seed), steps.missing(it))
            for it in cells.values()
        )
        lines.append(Line(setup, steps.task_of(campaign, setup), tuple(figures)))
        in_ms = {float(size): _in_ms(it) for size, it in cells.items()}
        curves.append(Curve(setup, scaling.dots(in_ms, campaign.seed)))
    title = f"chain of {words.plural(count, 'step')}"
    return Group(title, tuple(subjects), tuple(lines), tuple(it for it in curves if it.dots))


def _in_ms(cell: Cell) -> Sample:
    return cell.values(HANDOFF).times(1000)


def refusals(campaign: Campaign) -> list[Refusal]:
    """Return for each setup the largest payload that arrived, and what became of the next one."""
    chains = _chains(campaign)
    found = []
    for setup in steps.setups(campaign):
        tried = [(size, campaign.cell(setup, it)) for _, size, it in chains]
        tried = sorted(((size, it) for size, it in tried if it.trials), key=lambda it: it[0])
        if tried:
            found.append(_refusal(setup, tried))
    return found


def _refusal(setup: SetupId, tried: list[tuple[int, Cell]]) -> Refusal:
    arrived = [size for size, it in tried if any(map(sound, it.results))]
    whole = max(arrived, default=None)
    not_whole = ((size, it) for size, it in tried if whole is None or size > whole)
    refused, cell = next(not_whole, (None, None))
    if cell is None:
        return Refusal(setup, whole, None, None, f"none found up to {words.size(tried[-1][0])}")
    return Refusal(setup, whole, refused, cell, steps.reason(cell.results[0]))
