"""What each setting gains: from default to tuned, each group of settings alone in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
from markupsafe import Markup

from benchmarks import statistics
from benchmarks.ablation import ALONE, WITHOUT
from benchmarks.model import SLOWER
from benchmarks.report import steps, words
from benchmarks.report.charts import BAR_PX, ENGINE, INK, PALE, Layer, inline, plot
from benchmarks.report.facts import VARIANTS, Campaign, Cell, SetupId, Subject, unique
from benchmarks.report.shapes import shape_of
from benchmarks.report.words import Figure, Mark

WIDTH_PX = 430
Setting = tuple[str, str]  # name, value


@dataclass(frozen=True, slots=True)
class Rung:
    """A variant, and what it costs in milliseconds; `ratio` is None where default has no value."""

    setup: SetupId
    title: str
    settings: tuple[Setting, ...]
    cell: Cell
    values_ms: statistics.Sample
    figure: Figure
    ratio: statistics.Ratio | None
    missing: Mark | None

    @property
    def what(self) -> str:
        """What a variant that is not told setting by setting sets."""
        variant = self.setup.variant
        if variant == "default":
            return "as shipped"
        without = variant.removeprefix(WITHOUT) if variant.startswith(WITHOUT) else ""
        return f"all but {without}" if without else "all: see the settings"

    @property
    def between(self) -> bool:
        return _between(self.setup.variant)


@dataclass(frozen=True, slots=True)
class Ladder:
    """The variants of a mode on one workload, the default first, the others by their gain."""

    title: str
    engine: str
    measure: str
    rungs: tuple[Rung, ...]

    @property
    def order(self) -> list[str]:
        return [rung.title for rung in self.rungs]


def ladders(campaign: Campaign) -> list[tuple[Ladder, Markup]]:
    """Return a ladder, and its chart, for each mode and workload that variants were tried on."""
    modes = unique((it.engine, it.mode) for it in campaign.setups if _between(it.variant))
    found = [ladder(campaign, engine, mode, subject)
             for engine, mode in modes for subject in campaign.synthetic]  # fmt: skip
    return [(it, Markup(svg(it))) for it in found if _tried(it)]


def _tried(found: Ladder) -> bool:
    """Whether any variant between default and tuned gave a figure or a reason."""
    return any(rung.between and rung.cell.trials for rung in found.rungs)


def ladder(campaign: Campaign, engine: str, mode: str, subject: Subject) -> Ladder:
    """Return the variants of a mode on a workload."""
    shape = shape_of(subject.workload)
    measure = "dispatch_s" if shape and shape.steps == 1 else "per_step_s"
    own = [it for it in campaign.setups if (it.engine, it.mode) == (engine, mode)]
    setups = [it for it in own if it.variant in VARIANTS or _between(it.variant)]
    base = next((it for it in setups if it.variant == "default"), None)
    ground = campaign.cell(base, subject).values(measure) if base else []
    rungs = [_rung(campaign, it, subject, measure, ground) for it in setups]
    told = "trigger to first step" if measure == "dispatch_s" else "time a step"
    ordered = tuple(sorted(rungs, key=_place))
    return Ladder(f"{engine} {mode}, {subject.title}: {told}", engine, measure, ordered)


def _rung(
    campaign: Campaign, setup: SetupId, subject: Subject, measure: str, base: Sequence[float]
) -> Rung:
    cell, seed = campaign.cell(setup, subject), campaign.seed
    values = cell.values(measure)
    compared = setup.variant != "default" and bool(base) and bool(values)
    return Rung(
        setup, _title(setup.variant), _settings(campaign, setup), cell,
        values.times(1000), steps.in_ms(values, cell, seed),
        statistics.ratio(base, values, seed) if compared else None, steps.missing(cell),
    )  # fmt: skip


def _between(variant: str) -> bool:
    """Whether a variant is made of some of the settings from default to tuned."""
    return variant.startswith((ALONE, WITHOUT)) and not variant.endswith(SLOWER)


def _title(variant: str) -> str:
    if variant.startswith(ALONE):
        return f"+ {variant.removeprefix(ALONE)}"
    if variant.startswith(WITHOUT):
        return f"tuned − {variant.removeprefix(WITHOUT)}"
    return variant


def _settings(campaign: Campaign, setup: SetupId) -> tuple[Setting, ...]:
    """Return what a variant between default and tuned sets; the others' stand elsewhere."""
    if not setup.variant.startswith(ALONE):
        return ()
    wanted = (setup.engine, setup.mode, setup.variant)
    one = next(it for it in campaign.results if (it.engine, it.mode, it.variant) == wanted)
    return tuple((str(it["name"]), str(it["value"])) for it in one.environment["settings"])


def _place(rung: Rung) -> tuple[int, float]:
    """Order default, the groups alone by their gain, tuned, and tuned without each."""
    kinds = ("default", ALONE, "tuned", WITHOUT)
    variant = rung.setup.variant
    kind = variant if variant in VARIANTS else ALONE if variant.startswith(ALONE) else WITHOUT
    return kinds.index(kind), rung.ratio.value if rung.ratio else float("inf")


def svg(found: Ladder) -> str:
    """Draw a bar a variant, with its interval or range; "" when no variant has a figure."""
    shown = [rung for rung in found.rungs if rung.values_ms]
    if not shown:
        return ""
    rows = [_row(rung) for rung in shown]
    order = [rung.title for rung in shown]
    y = alt.Y("rung:N", sort=order, axis=alt.Axis(title=None, domain=False, ticks=False))
    x = alt.X("ms:Q", axis=alt.Axis(title=f"{_measured(found)}, milliseconds", tickCount=5))
    chart = alt.layer(_bars(rows, x, y), _spreads(rows, y), _labels(rows, y)).properties(
        width=WIDTH_PX, height=BAR_PX * len(order)
    )
    told = "; ".join(f"{it.title} {it.figure.text}, {it.figure.spread}" for it in shown)
    return inline(chart, f"What each setting gains: {found.title}", told)


def _measured(found: Ladder) -> str:
    return found.title.rpartition(": ")[2]


def _row(rung: Rung) -> dict[str, object]:
    found = statistics.summarise(rung.values_ms)
    assert found is not None, "only variants with values are drawn"
    colours = PALE if rung.between else ENGINE
    times = f", {words.number(rung.ratio.value)} of default" if rung.ratio else ""
    return {
        "rung": rung.title, "ms": found.median, "low": found.low, "high": found.high,
        "fill": colours[rung.setup.engine], "edge": ENGINE[rung.setup.engine],
        "text": f"{rung.figure.text}{times}",
    }  # fmt: skip


def _bars(rows: list[dict[str, object]], x: alt.X, y: alt.Y) -> Layer:
    return plot(rows).mark_bar(height=15, strokeWidth=1.5, aria=False).encode(
        x=x, y=y, fill=alt.Fill("fill:N", scale=None), stroke=alt.Stroke("edge:N", scale=None),
    )  # fmt: skip


def _spreads(rows: list[dict[str, object]], y: alt.Y) -> Layer:
    spread = plot(rows).mark_rule(color=INK, strokeWidth=1.6, aria=False)
    return spread.encode(x=alt.X("low:Q"), x2="high:Q", y=y)


def _labels(rows: list[dict[str, object]], y: alt.Y) -> Layer:
    label = plot(rows).mark_text(align="left", dx=6, color=INK, fontSize=12, aria=False)
    return label.encode(x=alt.X("high:Q"), y=y, text="text:N")
