"""The charts of the synthetic workloads: a line a setup, named at its end."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import altair as alt

from benchmarks.report import words
from benchmarks.report.charts import ENGINE, INK, MUTED, PAPER, Layer, inline, plot
from benchmarks.report.facts import SetupId, unique

WIDTH_PX, HEIGHT_PX = 430, 330
LABEL_PX = 15  # from one name at the end of a line to the next
ROOM = 1.06  # of the x axis beyond the last value, before the names
SHAPES = ("circle", "square", "triangle-up", "diamond")  # of the modes of one engine
DECADE = (1, 2, 5)
DASH = [5, 3]

Axis = Callable[..., alt.Y]  # of a field, "y" when none is named


@dataclass(frozen=True, slots=True)
class Dot:
    """A median, and its interval or range."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Curve:
    """What was measured on one setup; `mark` is a place on it that has a meaning of its own."""

    setup: SetupId
    dots: tuple[Dot, ...]
    mark: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """The y axis: its ends, and whether it is logarithmic."""

    low: float
    high: float
    logarithmic: bool

    def px(self, value: float) -> float:
        """Return the distance from the top."""
        low, high, at = (self._in(it) for it in (self.low, self.high, value))
        return HEIGHT_PX * (high - at) / (high - low)

    def value(self, px: float) -> float:
        """Return what is drawn at a distance from the top."""
        low, high = self._in(self.low), self._in(self.high)
        at = high - px / HEIGHT_PX * (high - low)
        return math.exp(at) if self.logarithmic else at

    def _in(self, value: float) -> float:
        return math.log(value) if self.logarithmic else value

    def ticks(self) -> list[float]:
        """Return the values that are named on the axis."""
        if not self.logarithmic:
            return [0, 0.25, 0.5, 0.75, 1]
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        steps = DECADE if len(powers) < 5 else (1,)
        every = [step * 10.0**power for power in powers for step in steps]
        return [it for it in every if self.low <= it <= self.high]

    def axis(self, title: str, form: str, field: str = "y") -> alt.Y:
        scale = alt.Scale(
            type="log" if self.logarithmic else "linear",
            domain=[self.low, self.high],
            nice=False,
            zero=False,
        )
        axis = alt.Axis(title=title, values=self.ticks(), format=form, domain=False)
        return alt.Y(f"{field}:Q", scale=scale, axis=axis)


def growth_svg(curves: Sequence[Curve], title: str) -> str:
    """Draw the makespan over the count of steps."""
    chart = _logarithmic(curves, "makespan, seconds", "steps in the run", "~g")
    return inline(chart, f"Makespan over the count of steps: {title}", _told(curves, _growth))


def throughput_svg(curves: Sequence[Curve], title: str) -> str:
    """Draw the throughput over the count of runs at once."""
    chart = _logarithmic(curves, "runs a minute", "runs at once", "~g")
    return inline(chart, f"Throughput over the runs at once: {title}", _told(curves, _throughput))


def handoff_svg(curves: Sequence[Curve], title: str) -> str:
    """Draw the hand-off over the size of what is handed on."""
    chart = _logarithmic(curves, "hand-off p50, milliseconds", "bytes handed on", "~s")
    return inline(chart, f"Hand-off over the size of the payload: {title}", _told(curves, _handoff))


def _logarithmic(curves: Sequence[Curve], y_title: str, x_title: str, x_form: str) -> Layer:
    """Draw with both axes logarithmic."""
    values = [value for it in curves for dot in it.dots for value in (dot.low, dot.y, dot.high)]
    positive = [it for it in values if it > 0] or [1.0]
    scale = Scale(min(positive) / 1.4, max(positive) * 1.4, logarithmic=True)
    return _drawn(curves, scale, partial(scale.axis, y_title, "~g"), x_title, x_form, factor=1)


def outage_svg(curves: Sequence[Curve], title: str) -> str:
    """Draw the share of steps that were not left alone over the length of an outage."""
    scale = Scale(0, 1.05, logarithmic=False)
    y = partial(scale.axis, "steps that were well, and were killed", ".0%")
    chart = _drawn(curves, scale, y, "seconds for which the control plane is down", "~g", factor=1)
    told = _told(curves, _killed)
    return inline(chart, f"Steps killed over the length of an outage: {title}", told)


def efficiency_svg(curves: Sequence[Curve], title: str) -> str:
    """Draw the efficiency over the size of a task, and where each setup's METG(50 %) lies."""
    scale = Scale(0, 1.05, logarithmic=False)
    y = partial(scale.axis, "work over what was possible meanwhile", ".0%")
    chart = _drawn(curves, scale, y, "milliseconds of work in a task", "~g", factor=1000)
    return inline(chart, f"Efficiency over the size of a task: {title}", _told(curves, _grain))


def _drawn(
    curves: Sequence[Curve], scale: Scale, y: Axis, title: str, form: str, factor: float
) -> Layer:
    xs = sorted({dot.x * factor for it in curves for dot in it.dots})
    axis = alt.Axis(title=title, values=xs, format=form, grid=False)
    ends = [xs[0] / ROOM, xs[-1] * ROOM ** (1 + math.log(xs[-1] / xs[0]) / 2)]
    x = alt.X("x:Q", scale=alt.Scale(type="log", domain=ends, nice=False), axis=axis)
    layers = [layer for it in curves for layer in _curve(it, _shape(it, curves), x, y, factor)]
    return alt.layer(*layers, *_names(curves, scale, x, y, ends[-1], factor)).properties(
        width=WIDTH_PX, height=HEIGHT_PX
    )


def _curve(curve: Curve, shape: str, x: alt.X, y: Axis, factor: float) -> list[Layer]:
    """Draw one setup: default with a full line and full points, tuned dashed and hollow."""
    colour, tuned = ENGINE[curve.setup.engine], curve.setup.variant == "tuned"
    rows = [{"x": it.x * factor, "y": it.y, "low": it.low, "high": it.high} for it in curve.dots]
    line = plot(rows).mark_line(stroke=colour, strokeWidth=2, aria=False,
                                strokeDash=DASH if tuned else [1, 0])  # fmt: skip
    spread = plot(rows).mark_rule(stroke=colour, strokeWidth=1.2, aria=False)
    points = plot(rows).mark_point(
        filled=True, fill=PAPER if tuned else colour, stroke=colour, strokeWidth=1.6, size=46,
        shape=shape, opacity=1, aria=False,
    )  # fmt: skip
    layers = [line.encode(x=x, y=y()), points.encode(x=x, y=y())]
    if any(it.low < it.high for it in curve.dots):
        layers.insert(1, spread.encode(x=x, y=y("low"), y2="high:Q"))
    if curve.mark:
        at = [{"x": curve.mark[0] * factor, "y": curve.mark[1]}]
        cross = plot(at).mark_point(shape="cross", filled=True, fill=INK, stroke=PAPER,
                                    strokeWidth=1, size=90, opacity=1, aria=False)  # fmt: skip
        layers.append(cross.encode(x=x, y=y()))
    return layers


def _shape(curve: Curve, curves: Sequence[Curve]) -> str:
    """Give the modes of one engine points of different shapes."""
    modes = unique(it.setup.mode for it in curves if it.setup.engine == curve.setup.engine)
    return SHAPES[modes.index(curve.setup.mode) % len(SHAPES)]


def _names(
    curves: Sequence[Curve], scale: Scale, x: alt.X, y: Axis, right: float, factor: float
) -> list[Layer]:
    """Name each line at the right, in the order of the ends, no name on another."""
    ends = sorted(curves, key=lambda it: scale.px(it.dots[-1].y))
    places = apart([scale.px(it.dots[-1].y) for it in ends], HEIGHT_PX)
    rows = [
        {"x": right, "y": scale.value(place), "text": it.setup.title,
         "ink": ENGINE[it.setup.engine], "from": it.dots[-1].x * factor, "at": it.dots[-1].y}
        for it, place in zip(ends, places, strict=True)
    ]  # fmt: skip
    leads = [{"x": row[a], "y": row[b], "order": n, "setup": row["text"]}
             for row in rows for n, (a, b) in enumerate((("from", "at"), ("x", "y")))]  # fmt: skip
    lead = plot(leads).mark_line(stroke=MUTED, strokeWidth=0.8, strokeDash=[1, 2], aria=False)
    text = plot(rows).mark_text(align="left", dx=5, fontSize=12, aria=False)
    return [
        lead.encode(x=x, y=y(), detail="setup:N", order="order:Q"),
        text.encode(x=x, y=y(), text="text:N", fill=alt.Fill("ink:N", scale=None)),
    ]


def apart(places: Sequence[float], height: float) -> list[float]:
    """Push places, which ascend, so far apart that a line of text fits between two."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + LABEL_PX) if moved else max(place, 0.0))
    over = max(moved[-1] - height, 0.0) if moved else 0.0
    limit = height if over else math.inf
    for at in range(len(moved) - 1, -1, -1):
        moved[at] = min(moved[at], limit)
        limit = moved[at] - LABEL_PX
    return moved


def _told(curves: Sequence[Curve], say: Callable[[Curve], str]) -> str:
    return "; ".join(f"{it.setup.title}: {say(it)}" for it in curves)


def _growth(curve: Curve) -> str:
    return ", ".join(f"{words.plural(int(it.x), 'step')} {words.number(it.y)} s"
                     for it in curve.dots)  # fmt: skip


def _killed(curve: Curve) -> str:
    return ", ".join(f"{it.x:g} s {100 * it.y:.0f} %" for it in curve.dots)


def _throughput(curve: Curve) -> str:
    return ", ".join(f"{words.plural(int(it.x), 'run')} {words.number(it.y)} a minute"
                     for it in curve.dots)  # fmt: skip


def _handoff(curve: Curve) -> str:
    return ", ".join(f"{words.size(int(it.x))} {words.number(it.y)} ms"
                     for it in curve.dots)  # fmt: skip


def _grain(curve: Curve) -> str:
    told = ", ".join(f"{1000 * it.x:,g} ms {100 * it.y:.0f} %" for it in curve.dots)
    if curve.mark is None:
        return f"{told}, METG not bracketed"
    return f"{told}, METG {words.number(1000 * curve.mark[0])} ms"
