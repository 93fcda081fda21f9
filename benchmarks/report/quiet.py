"""How undisturbed the measurements were: by the host's other guests, and by the bench itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.model import IDLE
from benchmarks.report import costs, words
from benchmarks.report.facts import Campaign, Cell, Row, SetupId
from benchmarks.report.words import Figure, Mark
from benchmarks.results import CALM, sound
from benchmarks.runner import CALM_POLL_S, CLOSING_POLL_S

BENCH_FROM = 0.01  # of the CPU of what is measured; a larger share is marked
TOO_MUCH = Mark("!", "above 1 %", "fair")
LITTLE = Mark("✓", "at most 1 %", "good")
REPLACED = Mark("↻", "done again", "good")
STANDS = Mark("!", "in the figures", "fair")
APART = Mark("·", "in no figure", "none")
ASK_S = (CALM_POLL_S, CLOSING_POLL_S)  # between two questions, until the last step ends and after


@dataclass(frozen=True, slots=True)
class Disturbed:
    """One calm trial during which the host was disturbed, and whether a repeat stands for it."""

    cell: Cell
    row: Row
    mark: Mark


@dataclass(frozen=True, slots=True)
class Burden:
    """What measuring a run costs beside the bench's own CPU time, in CPU seconds; None: unknown."""

    event_s: float | None = None  # that a step pays to write an event
    ask_s: float | None = None  # that an engine pays to answer for the state of a run

    def of(self, measures: Mapping[str, float | None]) -> float:
        """Return the seconds in one trial; questions are counted as if none was left out."""
        events = measures.get("journal_count") or 0.0
        asked_s = measures.get("makespan_s"), measures.get("closing_s")
        asks = sum(
            (seconds or 0.0) / period for seconds, period in zip(asked_s, ASK_S, strict=True)
        )
        return events * (self.event_s or 0.0) + asks * (self.ask_s or 0.0)


NONE = Burden()


@dataclass(frozen=True, slots=True)
class Bench:
    """The bench's own CPU time on one setup, as a share of the engine's."""

    setup: SetupId
    share: Figure
    mark: Mark
    most: float | None  # the greatest share of one workload
    where: str
    burden: Burden


@dataclass(frozen=True, slots=True)
class Quiet:
    """What the data say of the measuring itself."""

    watched: int  # calm trials of which the host's noise is known
    disturbed: tuple[Disturbed, ...]
    bench: tuple[Bench, ...]

    @property
    def replaced(self) -> int:
        return sum(it.mark is REPLACED for it in self.disturbed)


def quiet(campaign: Campaign) -> Quiet | None:
    """Return how undisturbed a campaign was, or None when its results do not say."""
    cells = [it for it in campaign.cells.values() if it.scenario == CALM]
    watched = sum(_timed(row) for it in cells for row in _rows(it))
    found = tuple(it for cell in cells for it in _disturbed(cell))
    worked = [it for it in cells if it.subject.pipeline != IDLE]
    bench = tuple(it for setup in campaign.setups if (it := _bench(campaign, setup, worked)))
    return Quiet(watched, found, bench) if watched or bench else None


def burden(campaign: Campaign, setup: SetupId) -> Burden:
    """Return what is known of it; older results, and those without a rest, say less."""
    asks = costs.asks_s(costs.idle_cell(campaign, setup))
    event_s = campaign.instruments.event_us / 1e6 if campaign.instruments else None
    return Burden(event_s, median(asks) if asks else None)


def share_of(cell: Cell, burden: Burden = NONE) -> float | None:
    """Return what measuring costs over the engine's CPU, the median of the sound trials."""
    found = _shares(cell, burden)
    return median(found) if found else None


def _shares(cell: Cell, burden: Burden) -> list[float]:
    told = [(it.measures, it.measures.get("bench_cpu_s"), it.measures.get("cpu_s"))
            for it in cell.results if sound(it)]  # fmt: skip
    return [(own + burden.of(measures)) / theirs
            for measures, own, theirs in told if own is not None and theirs]  # fmt: skip


def _rows(cell: Cell) -> Sequence[Row]:
    return (*cell.trials, *cell.replaced, *cell.control)


def _timed(row: Row) -> bool:
    return not row.result.warmup and "noise" in row.result.environment


def _disturbed(cell: Cell) -> list[Disturbed]:
    rows = sorted(_rows(cell), key=lambda it: it.index)
    return [
        Disturbed(cell, row, _standing(row, cell))
        for row in rows
        if row.disturbed and not row.result.warmup
    ]


def _standing(row: Row, cell: Cell) -> Mark:
    if row in cell.replaced:
        return REPLACED
    return STANDS if row in cell.trials else APART


def _bench(campaign: Campaign, setup: SetupId, cells: Sequence[Cell]) -> Bench | None:
    weight = burden(campaign, setup)
    own = [it for it in cells if it.setup == setup and _shares(it, weight)]
    if not own:
        return None
    every = [100 * share for cell in own for share in _shares(cell, weight)]
    middles = {cell.subject.title: share_of(cell, weight) or 0.0 for cell in own}
    where = max(middles, key=lambda it: middles[it])
    mark = TOO_MUCH if above(median(every) / 100) else LITTLE
    figure = words.figure(every, "%", campaign.seed)
    return Bench(setup, figure, mark, middles[where], where, weight)


def above(share: float | None) -> bool:
    """Whether a share of the bench has to be marked."""
    return share is not None and share > BENCH_FROM
