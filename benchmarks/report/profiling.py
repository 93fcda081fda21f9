"""Where the CPU time of an engine's processes goes, by profiles kept beside the results."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import altair as alt
from markupsafe import Markup

from benchmarks.model import PIPELINES
from benchmarks.profiling import spent
from benchmarks.profiling.spent import IMPORTS, INTERPRETER, Profile, Spent
from benchmarks.report import words
from benchmarks.report.charts import BAR_PX, INK, MUTED, REST_PX, STEP, Layer, Rows, inline, plot
from benchmarks.report.facts import Campaign
from benchmarks.results import CALM
from benchmarks.workloads import named

SHOWN_FROM = 0.02  # of all; processes with less are added up
PARTS_FROM = 0.05  # of a process; packages with less are added up
COLOURS = 5  # packages with a colour of their own
OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Line:
    """The processes of one kind: milliseconds of CPU, and what they went to, in words."""

    process: str
    ms: float
    percent: float
    packages: tuple[str, ...]
    functions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """One profile; `per` says what the milliseconds are divided by."""

    profile: Profile
    title: str
    per: str
    lines: tuple[Line, ...]
    ordinary: str  # the CPU time of the same runs without sampling, "" when there were none
    seen_percent: float | None  # of the CPU time that the kernel counted
    chart: Markup


def shown(folders: Sequence[Path], campaign: Campaign) -> list[Shown]:
    """Return the profiles of some folders of results, each setup and workload once."""
    found = {(it.setup, it.workload): it for folder in reversed(folders)
             for it in spent.load(folder)}  # fmt: skip
    return [_shown(found[key], campaign) for key in sorted(found)]


def _shown(profile: Profile, campaign: Campaign) -> Shown:
    of_steps = profile.steps > 1 and profile.workload not in PIPELINES
    per = "a step" if of_steps else "a run"
    count = profile.runs * (profile.steps if of_steps else 1)
    seen = sum(it.cpu_s for it in profile.spent)
    lines = tuple(_line(it, count, seen) for it in profile.spent if it.cpu_s >= SHOWN_FROM * seen)
    title = f"{profile.setup}, {profile.workload}"
    share = 100 * seen / profile.cpu_s if profile.cpu_s else None
    steps = profile.steps if of_steps else 1
    chart = Markup(svg(profile, title, per, count))
    return Shown(profile, title, per, lines, _ordinary(campaign, profile, steps), share, chart)


def _ordinary(campaign: Campaign, profile: Profile, steps: int) -> str:
    """Return the CPU time of the same runs when nobody samples them, in words."""
    with suppress(LookupError):  # a workload that is not known any more
        name = named(profile.workload).name
        return _without(campaign, profile, name, steps)
    return ""


def _without(campaign: Campaign, profile: Profile, name: str, steps: int) -> str:
    values = [
        value
        for cell in campaign.cells.values()
        if (cell.setup.name, cell.subject.workload, cell.scenario) == (profile.setup, name, CALM)
        for value in cell.values("cpu_s")
    ]
    if not values:
        return ""
    return f"{words.number(1000 * median(values) / steps)} ms without sampling (n = {len(values)})"


def _line(it: Spent, count: int, seen: float) -> Line:
    return Line(
        it.process, 1000 * it.cpu_s / count, 100 * it.cpu_s / seen,
        _shares(it.packages, it.cpu_s, PARTS_FROM),
        _shares(it.functions, it.cpu_s, spent.SHARE_FROM),
    )  # fmt: skip


def _shares(told: Sequence[tuple[str, float]], total: float, least: float) -> tuple[str, ...]:
    return tuple(f"{100 * s / total:.0f} % {name}" for name, s in told if s >= least * total)


def svg(profile: Profile, title: str, per: str, count: int) -> str:
    """Draw a bar for the processes of each kind, made of the packages that were at work."""
    kept = [it for it in profile.spent if it.cpu_s]
    order, ranked = [it.process for it in kept], _ranked(kept)
    fills = dict(zip(ranked, STEP, strict=False))
    rows = [row for it in kept for row in _parts(it, ranked, 1000 / count)]
    y = alt.Y("process:N", sort=order, axis=alt.Axis(title=None, domain=False, ticks=False))
    scale = alt.Scale(domain=[*ranked, OTHERS], range=[*fills.values(), MUTED])
    bars = plot(rows).mark_bar(height=15, aria=False).encode(
        x=alt.X("x:Q", axis=alt.Axis(title=f"CPU milliseconds {per}", tickCount=5)), x2="x2:Q",
        y=y, fill=alt.Fill("package:N", scale=scale, legend=alt.Legend(title=None)),
    )  # fmt: skip
    sums = [{"process": it.process, "x": 1000 * it.cpu_s / count,
             "text": words.number(1000 * it.cpu_s / count)} for it in kept]  # fmt: skip
    chart: Layer = alt.layer(bars, _sums(sums, y))
    chart = chart.properties(width=REST_PX, height=BAR_PX * 0.7 * len(order))
    told = "; ".join(f"{it['process']} {it['text']}" for it in sums)
    return inline(chart, f"Where the CPU time goes: {title}", told)


def _ranked(kept: Sequence[Spent]) -> list[str]:
    """Return the packages that most of the time went to, in the order of their time."""
    sums: dict[str, float] = {}
    for it in kept:
        for name, s in it.packages:
            sums[name] = sums.get(name, 0.0) + s
    ranked = sorted((it for it in sums if it != INTERPRETER), key=lambda it: -sums[it])[:COLOURS]
    if IMPORTS in ranked:  # always the same colour
        ranked = [IMPORTS, *(it for it in ranked if it != IMPORTS)]
    return [*ranked, INTERPRETER] if INTERPRETER in sums else ranked


def _parts(it: Spent, ranked: Sequence[str], factor: float) -> Rows:
    told = dict(it.packages)
    parts = {name: told.get(name, 0.0) for name in ranked}
    parts[OTHERS] = it.cpu_s - sum(parts.values())
    rows: Rows = []
    at = 0.0
    for name, s in parts.items():
        if s > 0:
            rows.append({"process": it.process, "package": name, "x": at, "x2": at + s * factor})
            at += s * factor
    return rows


def _sums(rows: Rows, y: alt.Y) -> Layer:
    text = plot(rows).mark_text(align="left", dx=6, color=INK, fontSize=12, aria=False)
    return text.encode(x=alt.X("x:Q"), y=y, text="text:N")
