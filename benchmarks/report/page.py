"""The two files of the report: what the templates are given, and the writing."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from benchmarks import installation, instruments, results, statistics
from benchmarks.model import ENGINES, Result
from benchmarks.report import (
    charts,
    concurrency,
    control,
    costs,
    curves,
    explanations,
    facts,
    gains,
    headline,
    interventions,
    lanes,
    limits,
    outages,
    overhead,
    payloads,
    profiling,
    promises,
    published,
    quiet,
    recovery,
    reported,
    scaling,
    sources,
    steps,
    words,
)
from benchmarks.report.facts import Campaign, Cell, Row, Subject, unique
from benchmarks.report.lanes import Timeline
from benchmarks.report.overhead import Line
from benchmarks.results import CALM

DRAWN_BYTES = 450_000  # of timelines; what comes after is named, and lies in the journals
# What the environment of each trial has of its own.
OWN = ("load_1m", "took_s", "noise", "control", "journals", "log", "beside", "start")
MACHINE = ("host", "cpu", "cores_count", "memory_mb", "os", "python", "commit", "warehouse")


@dataclass(frozen=True, slots=True)
class Panel:
    """One subject in the summary."""

    subject: Subject
    lines: Sequence[Line]
    chart: Markup


@dataclass(frozen=True, slots=True)
class Drawing:
    """One timeline, drawn."""

    timeline: Timeline
    chart: Markup
    legend: Mapping[str, tuple[str, str]]  # step -> letters, colour


@dataclass(frozen=True, slots=True)
class Settings:
    """What was set for an engine: for all its setups, and for each."""

    engine: str
    needed: Sequence[Mapping[str, str]]
    setups: Sequence[tuple[str, str, Sequence[Mapping[str, str]]]]  # title, task, settings


@dataclass(frozen=True, slots=True)
class Section:
    """What the synthetic workloads say; charts by what they are drawn of."""

    tables: Sequence[steps.Table]
    growths: Sequence[tuple[scaling.Growths, Markup]]
    grains: Sequence[tuple[scaling.Grains, Markup]]
    together: Sequence[tuple[concurrency.Group, Markup]]
    handed: Sequence[tuple[payloads.Group, Markup]]
    refusals: Sequence[payloads.Refusal]
    flows: Sequence[steps.Flow]
    probe: steps.Probe | None
    unsound: Sequence[steps.Unsound]
    limits: Sequence[limits.Limit]


def build(folder: Path, root: Path, others: Sequence[Path] = (), place: Path | None = None) -> None:
    """Write `report.html` and `report.md` into a folder of results, or into another `place`.

    Everything comes from the folder's results.jsonl and journals, from those of `others` where it
    has no such workload or scenario, and from the source text of the three implementations under
    `root`.

    Raises:
        ValueError: there are no results, or a line is not one, or versions differ.

    """
    found = results.gathered(folder, others)
    if all(map(results.is_known_bad, found)):
        raise ValueError(f"report: {folder / results.LINES} holds no trial; run the bench first")
    measured = replace(facts.campaign(found), instruments=instruments.load(folder))
    told = context(measured, folder, root, others)
    made = place or folder
    made.mkdir(parents=True, exist_ok=True)
    _write(made / "report.html", _templates(True).get_template("report.html.j2").render(told))
    _write(made / "report.md", _templates(False).get_template("report.md.j2").render(told))


def context(
    campaign: Campaign, folder: Path, root: Path, others: Sequence[Path] = ()
) -> dict[str, Any]:
    """Return all that the templates print."""
    timelines = lanes.timelines(campaign, folder)
    drawings, undrawn = _drawings(timelines)
    folders = (folder, *others)
    lacking = dict(pair for it in reversed(folders) for pair in results.lacking(it).items())
    matrix, hurt = recovery.matrix(campaign, lacking), recovery.hurt(campaign)
    explained = _explained(folder, matrix)
    return {
        "name": words.listed([it.resolve().name for it in folders]),
        "campaign": campaign, "words": words,
        "compared": headline.compared(campaign), "paragraphs": headline.paragraphs(campaign),
        "facts": headline.facts(campaign),
        "panels": _panels(campaign), "columns": overhead.MEASURES,
        "comparisons": overhead.tuned_against_default(campaign),
        "matrix": matrix, "hurt": hurt,
        "outages": (down := outages.outages(campaign, explained)),
        "outage_chart": outages.chart(down),
        "promises": promises.kept(matrix),
        "reported": reported.answers(folder, matrix, unique(it.engine for it in hurt)),
        "groups": recovery.grouped(matrix),
        "explained": explained,
        "costs": recovery.costs(campaign, matrix), "beside": recovery.beside(matrix),
        "load": recovery.load(matrix),
        "blows": recovery.blows(matrix, timelines),
        "hurt_engines": (engines := unique(it.engine for it in hurt)),
        "interventions": interventions.interventions(engines),
        "cost_columns": recovery.COST_COLUMNS, "checked": recovery.checked(campaign),
        "timelines": timelines,
        "drawings": drawings, "undrawn": undrawn, "limits": limits.limits,
        "sources": sources.comparisons(root), "settings": _settings(campaign),
        "digests": headline.digests(campaign), "machines": _machines(campaign),
        "campaigns": _campaigns(campaign), "processors": _processors(campaign),
        "versions": _versions(campaign),
        "cells": list(campaign.cells.values()), "data": _data(campaign), "rules": statistics,
        "section": section(campaign), "published": published, "scaling": scaling,
        "quiet": quiet.quiet(campaign), "quieter": quiet,
        "having": (having := costs.costs(campaign, installation.load(folder), root)),
        "roles": costs.ROLES, "rest_charts": _rest_charts(having), "costing": costs,
        "gains": _gains(campaign, others), "profiles": profiling.shown(folders, campaign),
        "planted": control.planted(campaign),
        "control": control.pairs(campaign), "told_apart": control.failed(control.pairs(campaign)),
        "counts": _counts(campaign),
        "problems": [told for it in folders for told in results.problems(it)],
        "refused": [told for it in folders for told in results.refusals(it)],
    }  # fmt: skip


def section(campaign: Campaign) -> Section | None:
    """Return what the synthetic workloads say, or None when the campaign has none."""
    if not (campaign.synthetic or campaign.together):
        return None
    made = steps.tables(campaign)
    grown, grains = scaling.growths(campaign), scaling.grains(campaign)
    flows = steps.flows(campaign, made)
    return Section(
        made,
        [(it, _chart(curves.growth_svg, it.curves, it.title)) for it in grown],
        [(it, _chart(curves.efficiency_svg, it.curves, it.title)) for it in grains],
        [(it, _chart(curves.throughput_svg, it.curves, it.title))
         for it in concurrency.groups(campaign)],
        [(it, _chart(curves.handoff_svg, it.curves, it.title))
         for it in payloads.groups(campaign)],
        payloads.refusals(campaign),
        flows, steps.probe(campaign, flows), steps.unsound(campaign),
        limits.of_steps({it.title: it.sizes for it in grown}),
    )  # fmt: skip


def _gains(campaign: Campaign, others: Sequence[Path]) -> list[tuple[gains.Ladder, Markup]]:
    """Return the ladders, those of other folders from their own default and tuned."""
    found = gains.ladders(campaign)
    for other in others:
        known = {it.title for it, _ in found}
        own = gains.ladders(facts.campaign(results.read(other)))
        found += [(replace(it, title=f"{it.title} ({other.name})"), chart)
                  for it, chart in own if it.title not in known]  # fmt: skip
    return found


def _rest_charts(having: costs.Costs) -> list[tuple[str, Markup]]:
    """Draw what each setup takes while it has nothing to do."""
    drawn = [("Memory at rest", "MB (PSS)", having.memory),
             ("CPU at rest", "CPU seconds a minute", having.cpu)]  # fmt: skip
    return [(title, Markup(charts.rest_svg(bars, title, unit)))
            for title, unit, bars in drawn if bars]  # fmt: skip


def _chart(
    draw: Callable[[Sequence[curves.Curve], str], str], shown: Sequence[curves.Curve], title: str
) -> Markup:
    """Draw lines where there is one: a single size is in the table."""
    return Markup(draw(shown, title) if any(len(it.dots) > 1 for it in shown) else "")


def _templates(html: bool) -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=html,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    made.filters |= {
        "number": words.number, "signed": words.signed, "plural": words.plural, "md": in_table,
        "text": lambda value: words.NOT_MEASURED if value in (None, "") else value,
        "raw": _raw, "story": lanes.story,
    }  # fmt: skip
    return made


def in_table(text: object) -> str:
    """Escape text for a cell of a Markdown table."""
    flat = re.sub(r"\s+", " ", str(text)).replace("\\", "\\\\")
    return re.sub(r"([|<>*`\[\]]|(?<!\w)_|_(?!\w))", r"\\\1", flat)


def _raw(cell: Cell) -> list[tuple[Row, str, Result, str]]:
    """Return all trials of a cell in their order, each with what is to be known of it, in words."""
    rows = (*cell.superseded, *cell.replaced, *cell.control, *cell.warmups, *cell.trials)
    ordered = sorted(rows, key=lambda row: row.index)
    return [(it, _known(it, cell), it.result, _measures(it.result)) for it in ordered]


def _known(row: Row, cell: Cell) -> str:
    """Say whether a trial is in no figure, and what disturbed it."""
    told = [row.repetition]
    if row in cell.control:
        told.append("in no figure")
    if row.disturbed:
        told.append(f"disturbed: {row.disturbed}")
    if row in cell.replaced:
        told.append("a repeat stands in its place")
    return ", ".join(told)


def _measures(result: Result) -> str:
    return ", ".join(
        f"{name} {words.NOT_MEASURED if value is None else words.number(value)}"
        for name, value in result.measures.items()
    )


def _panels(campaign: Campaign) -> list[Panel]:
    found = []
    for subject in campaign.subjects:
        lines = overhead.lines(campaign, subject)
        drawn = any(line.overhead for line in lines)
        svg = charts.overhead_svg(lines, subject.title) if drawn else ""
        found.append(Panel(subject, lines, Markup(svg)))
    return found


def _drawings(timelines: Sequence[Timeline]) -> tuple[list[Drawing], list[str]]:
    """Draw first repetitions first, as many as keep the page small; name the others."""
    drawn: dict[str, Drawing] = {}
    undrawn, size = [], 0
    for it in sorted(timelines, key=lambda it: it.trial):
        title = f"{it.scenario} on {it.subject.title}, repetition {it.trial}"
        svg = charts.timeline_svg(it, f"Timeline: {title}") if size < DRAWN_BYTES else ""
        size += len(svg)
        if svg and size <= DRAWN_BYTES:
            drawn[it.anchor] = Drawing(it, Markup(svg), charts.legend(it))
        else:
            undrawn.append(title)
    return [drawn[it.anchor] for it in timelines if it.anchor in drawn], undrawn


def _explained(
    folder: Path, matrix: Sequence[recovery.Scenario]
) -> dict[str, list[explanations.Explained]]:
    """Return, by cell, why its trials did not heal by themselves."""
    cells = (told.cell for row in matrix for told in row.cells)
    found = {cell.anchor: explanations.explained(folder, cell) for cell in cells}
    return {anchor: why for anchor, why in found.items() if why}


def _settings(campaign: Campaign) -> list[Settings]:
    found = []
    for engine in unique(setup.engine for setup in campaign.setups):
        setups = [it for it in campaign.setups if it.engine == engine and it.mode]
        own = {it: _first(campaign, it.engine, it.mode, it.variant) for it in setups}
        needed = [line for result in own.values() for line in result.environment["needed"]]
        kept = {str(line["name"]): line for line in needed}
        changed = [(it.title, str(result.environment.get("task") or ""),
                    result.environment["settings"]) for it, result in own.items()]  # fmt: skip
        found.append(Settings(engine, list(kept.values()), changed))
    return found


def _first(campaign: Campaign, *setup: str) -> Result:
    return next(it for it in campaign.results if (it.engine, it.mode, it.variant) == setup)


def _machines(campaign: Campaign) -> list[dict[str, Any]]:
    found = [{key: it.environment.get(key) for key in MACHINE} for it in campaign.results]
    return [dict(it) for it in unique(tuple(machine.items()) for machine in found)]


def _processors(campaign: Campaign) -> dict[str, list[str]]:
    """Return the campaigns by the processor that they were measured on."""
    found: dict[str, dict[str, None]] = {}
    for it in campaign.results:
        processor = str(it.environment.get("cpu") or words.NOT_MEASURED)
        found.setdefault(processor, {})[it.campaign] = None
    return {processor: list(names) for processor, names in found.items()}


def _campaigns(campaign: Campaign) -> list[tuple[str, int, str]]:
    return unique(
        (it.campaign, it.seed, str(it.environment.get("command_campaign") or words.NOT_MEASURED))
        for it in campaign.results
    )


def _versions(campaign: Campaign) -> list[tuple[str, str, str]]:
    return unique(
        (it.engine, it.version or words.NOT_MEASURED, str(it.environment.get("metadata") or "none"))
        for it in sorted(campaign.results, key=lambda it: ENGINES.index(it.engine))
        if it.version
    )


def _counts(campaign: Campaign) -> dict[str, Any]:
    calm = [campaign.cell(setup, subject) for setup in campaign.setups if setup.mode
            for subject in campaign.subjects]  # fmt: skip
    synthetic = (*campaign.synthetic, *campaign.together)
    calm += [it for it in campaign.cells.values()
             if it.subject in synthetic and it.scenario == CALM and it.trials]  # fmt: skip
    sizes = [len(cell.values("makespan_s")) for cell in calm] or [0]
    return {
        "repetitions": " to ".join(str(it) for it in unique((min(sizes), max(sizes)))),
        "trials": len(campaign.rows), "warmups": sum(it.warmup for it in campaign.results),
        "most": max(sizes), "failed": sum(it.failed_count for it in calm),
    }  # fmt: skip


def _data(campaign: Campaign) -> Markup:
    """Return all lines as JSON, equal environments stored once; safe inside a script element."""
    environments: dict[bytes, str] = {}
    lines = []
    for result in (*campaign.results, *campaign.known_bad):
        shared = {key: it for key, it in result.environment.items() if key not in OWN}
        name = environments.setdefault(orjson.dumps(shared), f"e{len(environments)}")
        row = results.row_of(result)
        own = {key: it for key, it in result.environment.items() if key in OWN}
        row["environment"] = {"same_as": name, **own}
        lines.append(row)
    same = {name: orjson.loads(text) for text, name in environments.items()}
    text = orjson.dumps({"environments": same, "rows": lines}).decode()
    return Markup(text.replace("<", "\\u003c").replace("&", "\\u0026"))


def _write(file: Path, text: str) -> None:
    """Let the file appear whole or not at all."""
    fresh = file.with_name(f".{file.name}-{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)
