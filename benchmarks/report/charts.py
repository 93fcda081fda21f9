"""The charts, drawn by Altair as SVG text that lies inside the page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import altair as alt
import vl_convert

from benchmarks.report import words
from benchmarks.report.costs import Bar as RestBar
from benchmarks.report.facts import unique
from benchmarks.report.lanes import Bar, Lane, Timeline
from benchmarks.report.overhead import Line, Overhead

# Every colour of a chart. The style sheet maps each to its counterpart for dark screens.
INK, MUTED, GRID, PAPER = "#1c2431", "#566173", "#dde3ea", "#fefefe"
ENGINE = {"bare": "#6b7786", "airflow": "#c14f1b", "prefect": "#2160c4", "dagster": "#0b7d62"}
PALE = {"bare": "#c9d0d8", "airflow": "#f3cdb8", "prefect": "#c3d7f7", "dagster": "#b5e0d4"}
STEP = ("#7f8b9b", "#4a86cf", "#d29a2a", "#3d9c78", "#9a6bc2", "#c76a92", "#5f9ea5")
KILLED, FAULT, RESUMED = "#f2c4bf", "#b3261e", "#2f5fb3"  # the style sheet hatches KILLED

PANEL_PX, BAR_PX, REST_PX = 215, 36, 330
TIMELINE_PX, ROW_PX, HEAD_PX, GAP_PX = 1000, 15, 34, 12

NEEDLESS = re.compile(  # what Vega writes and an inline SVG does not need
    r' (aria-[a-z]+="[^"]*"|role="graphics-[a-z]+"|pointer-events="none"|opacity="1"|'
    r'class="[^"]*"|font-family="[^"]*"|stroke-width="1")'
    r'|<path [^>]*d="(M0,0h0v0h0Z)?"[^>]*/>'
)

# Screens differ in the width of their letters; the room to both sides keeps all of them visible.
PADDING = {"left": 22, "right": 40, "top": 6, "bottom": 5}

Rows = list[dict[str, Any]]
Layer = Any  # Altair's `encode` has no types


def overhead_svg(lines: Sequence[Line], title: str) -> str:
    """Draw the overhead of every setup of a subject: bar, interval or range, and all values."""
    shown = [line for line in lines if line.overhead]
    order = [line.setup.title for line in shown]
    chart = alt.layer(
        _rule_at_zero(), _overhead_bars(shown, order), _overhead_spreads(shown, order),
        _overhead_points(shown, order), _overhead_labels(shown, order),
    ).properties(width=PANEL_PX, height=BAR_PX * len(order))  # fmt: skip
    told = "; ".join(_overhead_words(line) for line in shown)
    return inline(chart, f"Overhead against bare: {title}", told)


def rest_svg(bars: Sequence[RestBar], title: str, unit: str) -> str:
    """Draw what the processes of each setup take at rest, role after role, and their sum."""
    order = [it.setup.title for it in bars]
    rows = [row for it in bars for row in _parts(it)]
    sums = [{"setup": it.setup.title, "x": _sum(it), "text": words.number(_sum(it))} for it in bars]
    axis = alt.Axis(title=unit, grid=True, tickCount=5)
    parts = plot(rows).mark_bar(height=15, strokeWidth=1.2, aria=False).encode(
        x=alt.X("x:Q", axis=axis), x2="x2:Q", y=_setups(order),
        fill=alt.Fill("fill:N", scale=None), stroke=alt.Stroke("edge:N", scale=None),
    )  # fmt: skip
    named = plot(sums).mark_text(align="left", dx=6, color=INK, fontSize=12, aria=False).encode(
        x=alt.X("x:Q"), y=_setups(order), text="text:N",
    )  # fmt: skip
    chart = alt.layer(parts, named).properties(width=REST_PX, height=BAR_PX * len(order))
    return inline(chart, title, "; ".join(_rest_words(it) for it in bars))


def _parts(bar: RestBar) -> Rows:
    """Return the parts of a bar: control full, worker pale, the metadata database empty."""
    engine, at, rows = bar.setup.engine, 0.0, []
    fills = {"control": ENGINE[engine], "worker": PALE[engine], "metadata": PAPER}
    for role, value in bar.parts.items():
        if value:
            rows.append({"setup": bar.setup.title, "x": at, "x2": at + value,
                         "fill": fills[role], "edge": ENGINE[engine]})  # fmt: skip
            at += value
    return rows


def _sum(bar: RestBar) -> float:
    return sum(value or 0.0 for value in bar.parts.values())


def _rest_words(bar: RestBar) -> str:
    told = [f"{role} {words.number(value)}" for role, value in bar.parts.items()
            if value is not None]  # fmt: skip
    return f"{bar.setup.title} {', '.join(told)}"


def timeline_svg(timeline: Timeline, title: str) -> str:
    """Draw one lane a setup: attempts as bars, commits as ticks, fault and resume as lines."""
    tops = _tops(timeline.lanes)
    end = max((lane.end_s for lane in timeline.lanes), default=1.0)
    height = tops[-1]
    letters = _letters_of(timeline)
    scale = alt.Scale(domain=[0, end * 1.02], nice=False, zero=True)
    axis = alt.Axis(title="seconds since the run was submitted", tickCount=10)
    base = alt.X("x:Q", scale=scale, axis=axis)
    places = list(zip(timeline.lanes, tops, strict=False))
    bars = [_bar(bar, top, letters, timeline.least_s) for lane, top in places for bar in lane.bars]
    layers = [
        _bands(places, end, base, height), _boxes(bars, base, height),
        _letters(bars, base, height, TIMELINE_PX / (end * 1.02)),
        _commits(places, base, height), *_moments(places, base, height),
        _headings(places, base, height),
    ]  # fmt: skip
    chart = alt.layer(*layers).properties(width=TIMELINE_PX, height=height)
    told = "; ".join(_lane_words(lane) for lane in timeline.lanes)
    return inline(chart, title, told)


def abbreviations(steps: Iterable[str]) -> dict[str, str]:
    """Return the shortest beginning of each step's name that no other step shares."""
    names = unique(steps)
    return {name: next(
        name[:size] for size in range(1, len(name) + 1)
        if size == len(name) or not any(it != name and it.startswith(name[:size]) for it in names)
    ) for name in names}  # fmt: skip


def step_colours(steps: Iterable[str]) -> dict[str, str]:
    """Give steps their colours, in the order in which they come."""
    return {name: STEP[place % len(STEP)] for place, name in enumerate(unique(steps))}


def legend(timeline: Timeline) -> dict[str, tuple[str, str]]:
    """Return the letters and the colour of each step of a timeline."""
    letters = _letters_of(timeline)
    colours = step_colours(letters)
    return {step: (letters[step], colours[step]) for step in letters}


def _letters_of(timeline: Timeline) -> dict[str, str]:
    return abbreviations(bar.step for lane in timeline.lanes for bar in lane.bars)


def _rule_at_zero() -> Layer:
    return plot([{"x": 0}]).mark_rule(color=MUTED, aria=False).encode(x=alt.X("x:Q"))


def _overhead_bars(lines: Sequence[Line], order: Sequence[str]) -> Layer:
    rows = [{"setup": it.setup.title, "x": it.overhead.absolute_s, "fill": _fill(it),
             "edge": ENGINE[it.setup.engine]} for it in lines if it.overhead]  # fmt: skip
    axis = alt.Axis(title="seconds more than bare", grid=True, tickCount=5)
    return plot(rows).mark_bar(height=15, strokeWidth=1.5, aria=False).encode(
        x=alt.X("x:Q", axis=axis, scale=alt.Scale(padding=16)), y=_setups(order),
        fill=alt.Fill("fill:N", scale=None), stroke=alt.Stroke("edge:N", scale=None),
    )  # fmt: skip


def _overhead_spreads(lines: Sequence[Line], order: Sequence[str]) -> Layer:
    rows = [{"setup": it.setup.title, "x": it.overhead.low_s, "x2": it.overhead.high_s}
            for it in lines if it.overhead]  # fmt: skip
    return plot(rows).mark_rule(color=INK, strokeWidth=1.6, aria=False).encode(
        x=alt.X("x:Q"), x2="x2:Q", y=_setups(order),
    )  # fmt: skip


def _overhead_points(lines: Sequence[Line], order: Sequence[str]) -> Layer:
    rows = [{"setup": it.setup.title, "x": value, "shape": "diamond" if odd else "circle"}
            for it in lines if it.overhead
            for value, odd in _points(it.overhead)]  # fmt: skip
    return plot(rows).mark_point(
        filled=True, fill=PAPER, stroke=INK, strokeWidth=1.1, size=26, opacity=1, aria=False
    ).encode(
        x=alt.X("x:Q"), y=_setups(order), shape=alt.Shape("shape:N", scale=None),
        yOffset=alt.value(BAR_PX * 0.5 + 6),
    )  # fmt: skip


def _points(added: Overhead) -> Iterable[tuple[float, bool]]:
    return zip(added.points_s, added.outliers, strict=True)


def _overhead_labels(lines: Sequence[Line], order: Sequence[str]) -> Layer:
    rows = [{"setup": it.setup.title, "x": max(it.overhead.high_s, *it.overhead.points_s, 0.0),
             "text": f"{it.overhead.text}, n = {it.overhead.n}"}
            for it in lines if it.overhead]  # fmt: skip
    return plot(rows).mark_text(align="left", dx=6, color=INK, fontSize=12, aria=False).encode(
        x=alt.X("x:Q"), y=_setups(order), text="text:N",
    )  # fmt: skip


def _setups(order: Sequence[str]) -> alt.Y:
    axis = alt.Axis(title=None, domain=False, ticks=False, labelPadding=8)
    return alt.Y("setup:N", sort=list(order), axis=axis)


def _fill(line: Line) -> str:
    """Fill the default solid and the tuned pale, so that the two are told apart without hue."""
    return (ENGINE if line.setup.variant == "default" else PALE)[line.setup.engine]


def _overhead_words(line: Line) -> str:
    added = line.overhead
    if not added:
        return ""
    return f"{line.setup.title} {added.text}, {added.spread}, n = {added.n}, {added.mark.word}"


def _tops(lanes: Sequence[Lane]) -> list[int]:
    """Return where each lane begins, and at last where the chart ends."""
    tops = [0]
    for lane in lanes:
        tops.append(tops[-1] + HEAD_PX + lane.rows * ROW_PX + GAP_PX)
    return tops


def _y(field: str, height: int) -> alt.Y:
    scale = alt.Scale(domain=[0, height], reverse=True, nice=False)
    return alt.Y(f"{field}:Q", scale=scale, axis=None)


def _bar(bar: Bar, top: int, letters: Mapping[str, str], least_s: float) -> dict[str, Any]:
    end_s = max(bar.end_s, bar.start_s + least_s)
    y = top + HEAD_PX + bar.row * ROW_PX
    fill = {"killed": KILLED, "failed": FAULT}.get(bar.ending, "")
    letter = {"killed": "✗ " + letters[bar.step], "failed": "✗"}.get(bar.ending, letters[bar.step])
    return {
        "x": round(bar.start_s, 3), "x2": round(end_s, 3), "y": y + 1, "y2": y + ROW_PX - 2,
        "fill": fill or step_colours(letters)[bar.step], "text": letter,
        "edge": FAULT if fill else PAPER, "ink": INK if bar.ending == "killed" else PAPER,
    }  # fmt: skip


def _bands(places: Sequence[tuple[Lane, int]], end: float, x: alt.X, height: int) -> Layer:
    rows = [{"x": 0, "x2": end * 1.02, "y": top + HEAD_PX + lane.rows * ROW_PX + GAP_PX / 2}
            for lane, top in places]  # fmt: skip
    return plot(rows).mark_rule(color=GRID, aria=False).encode(x=x, x2="x2:Q", y=_y("y", height))


def _boxes(bars: Rows, x: alt.X, height: int) -> Layer:
    return plot(bars).mark_rect(strokeWidth=1, aria=False).encode(
        x=x, x2="x2:Q", y=_y("y", height), y2="y2:Q",
        fill=alt.Fill("fill:N", scale=None), stroke=alt.Stroke("edge:N", scale=None),
    )  # fmt: skip


def _letters(bars: Rows, x: alt.X, height: int, px_per_s: float) -> Layer:
    wide = [{**bar, "y": (bar["y"] + bar["y2"]) / 2} for bar in bars
            if (bar["x2"] - bar["x"]) * px_per_s > 7 * len(bar["text"]) + 5]  # fmt: skip
    return plot(wide).mark_text(align="left", dx=4, dy=0.5, fontSize=10, aria=False).encode(
        x=x, y=_y("y", height), text="text:N", fill=alt.Fill("ink:N", scale=None),
    )  # fmt: skip


def _commits(places: Sequence[tuple[Lane, int]], x: alt.X, height: int) -> Layer:
    rows = [{"x": round(it.at_s, 3), "y": top + HEAD_PX + it.row * ROW_PX - 1,
             "y2": top + HEAD_PX + (it.row + 1) * ROW_PX}
            for lane, top in places for it in lane.commits]  # fmt: skip
    return plot(rows).mark_rule(color=INK, strokeWidth=2, aria=False).encode(
        x=x, y=_y("y", height), y2="y2:Q",
    )  # fmt: skip


def _moments(places: Sequence[tuple[Lane, int]], x: alt.X, height: int) -> list[Layer]:
    colours = {
        "fault": FAULT,
        "fault again": FAULT,
        "resumed": RESUMED,
        "mended": RESUMED,
        "given up": RESUMED,
        "healed": MUTED,
        "end": MUTED,
    }
    rows = [{"x": round(mark.at_s, 3), "y": top + 21, "y2": top + HEAD_PX + lane.rows * ROW_PX,
             "text": ("⚡ " if mark.kind == "fault" else "") + mark.kind, "ink": colours[mark.kind]}
            for lane, top in places for mark in lane.marks]  # fmt: skip
    ink = alt.Stroke("ink:N", scale=None)
    rules = plot(rows).mark_rule(strokeWidth=1.6, strokeDash=[4, 2], aria=False)
    named = plot(_apart(rows, places)).mark_text(align="left", dx=3, fontSize=11, aria=False)
    return [
        rules.encode(x=x, y=_y("y", height), y2="y2:Q", stroke=ink),
        named.encode(x=x, y=_y("y", height), text="text:N", fill=alt.Fill("ink:N", scale=None)),
    ]


def _apart(rows: Rows, places: Sequence[tuple[Lane, int]]) -> Rows:
    """Leave out a name that would lie on the one before it; the line stays."""
    wide = 0.06 * max((lane.end_s for lane, _ in places), default=1.0)
    kept: Rows = []
    for row in sorted(rows, key=lambda it: (it["y"], it["text"] != "⚡ fault", it["x"])):
        if all(row["y"] != it["y"] or abs(row["x"] - it["x"]) > wide for it in kept):
            kept.append(row)
    return [{**row, "y": row["y"] + 3} for row in kept]


def _headings(places: Sequence[tuple[Lane, int]], x: alt.X, height: int) -> Layer:
    rows = [{"x": 0, "y": top + 8, "text": f"{lane.setup.title}  {lane.ending}"}
            for lane, top in places]  # fmt: skip
    return plot(rows).mark_text(
        align="left", dx=2, color=INK, fontSize=12, fontWeight="bold", aria=False
    ).encode(x=x, y=_y("y", height), text="text:N")  # fmt: skip


def _lane_words(lane: Lane) -> str:
    killed = sum(bar.ending != "finished" for bar in lane.bars)
    return (
        f"{lane.setup.title}: {lane.ending}, {words.plural(len(lane.bars), 'attempt')}, "
        f"{killed} of them not finished, {words.number(lane.end_s)} s"
    )


def plot(rows: Rows) -> Layer:
    """Return a chart of some rows, without marks."""
    return alt.Chart(alt.Data(values=rows))  # type: ignore[no-untyped-call]  # Altair has none


def inline(chart: Layer, title: str, told: str) -> str:
    """Render, and replace the head of the SVG by one with a title and a description."""
    config = {
        "background": None, "font": "sans-serif", "padding": PADDING, "view": {"stroke": None},
        "axis": {"labelColor": MUTED, "titleColor": MUTED, "gridColor": GRID, "tickColor": GRID,
                 "domainColor": GRID, "labelFontSize": 12, "titleFontSize": 12,
                 "titleFontWeight": "normal", "labelLimit": 200, "aria": False},
    }  # fmt: skip
    spec = chart.to_dict(validate=False) | {"config": config}
    drawn = vl_convert.vegalite_to_svg(spec)
    head = re.match(r"<svg[^>]*>", drawn)
    size = re.search(r'width="([\d.]+)" height="([\d.]+)"', drawn)
    if not head or not size:
        raise ValueError(f"charts: not an SVG: {drawn[:80]}")
    width, height = (round(float(it)) for it in size.groups())
    body = re.sub(r"(\d+\.\d\d)\d+", r"\1", NEEDLESS.sub("", drawn[head.end() :]))
    return (
        f'<svg role="img" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f"<title>{escape(title)}</title><desc>{escape(told)}</desc>{body}"
    )
