"""For how long the control plane may be down before it costs steps that were well."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from benchmarks.model import Result, Verdict
from benchmarks.report import curves, recovery, words
from benchmarks.report.curves import Curve, Dot
from benchmarks.report.explanations import Explained
from benchmarks.report.facts import Campaign, Cell, SetupId

SCENARIO = re.compile(r"control-down-(\d+)-s")
SURVIVED = "survived"  # the check of these scenarios


@dataclass(frozen=True, slots=True)
class Outage:
    """What became, on one setup, of the steps that were at work when the control plane went."""

    setup: SetupId
    cell: Cell
    seconds: float  # from the fault until all was back, the median; or what it was meant to be
    killed: int
    count: int  # trials that tell; for the others `why` says why they do not
    why: tuple[str, ...]

    @property
    def share(self) -> float:
        return self.killed / self.count


def outages(campaign: Campaign, explained: Mapping[str, Sequence[Explained]]) -> list[Outage]:
    """Return a line for each setup and length of an outage, shortest first.

    A line of which no trial tells has a count of zero, and no share. What explains a cell, by its
    anchor, is why its steps were killed.
    """
    lengths = sorted({(int(m[1]), name, subject) for name, subject in campaign.faults
                      if (m := SCENARIO.fullmatch(name))}, key=lambda it: it[0])  # fmt: skip
    found = (
        _outage(campaign.cell(setup, subject, name), seconds, explained)
        for setup in recovery.hurt(campaign) for seconds, name, subject in lengths
    )  # fmt: skip
    return [it for it in found if it is not None]


def _outage(
    cell: Cell, seconds: int, explained: Mapping[str, Sequence[Explained]]
) -> Outage | None:
    told = [it for result in cell.results for it in result.findings
            if it.check == SURVIVED and _says(result)]  # fmt: skip
    if not told:
        return None
    killed = sum(it.verdict is Verdict.FAIL for it in told)
    untold = [it.reason for it in told if it.verdict is Verdict.UNKNOWN]
    why = [it.says for it in explained.get(cell.anchor, ()) if it.says] if killed else []
    if untold:
        why.append(f"cannot be told in {len(untold)} of {len(told)}: {untold[0]}")
    measured = words.middle(recovery.values(cell.results, "outage_s")) or float(seconds)
    return Outage(cell.setup, cell, measured, killed, len(told) - len(untold), tuple(why))


def _says(result: Result) -> bool:
    return not recovery.missed(result)


def chart(found: Sequence[Outage]) -> Markup:
    """Draw the share of steps that were not left alone over the length; "" for fewer than two."""
    found = [it for it in found if it.count]
    if len({it.seconds for it in found}) < 2:
        return Markup("")
    setups = list(dict.fromkeys(it.setup for it in found))
    lines = [
        Curve(setup, tuple(Dot(it.seconds, it.share, it.share, it.share)
                           for it in found if it.setup == setup))
        for setup in setups
    ]  # fmt: skip
    return Markup(curves.outage_svg(lines, words.plural(len(setups), "setup")))
