"""What the data say, in sentences: each with its numbers, or the word undecided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks import statistics
from benchmarks.evidence import ends_as_it_must
from benchmarks.model import ENGINES, Outcome, Result, Truth
from benchmarks.report import (
    concurrency,
    control,
    costs,
    overhead,
    recovery,
    scaling,
    steps,
    words,
)
from benchmarks.report.facts import VARIANTS, Campaign, Subject, unique
from benchmarks.report.overhead import Comparison
from benchmarks.report.words import Mark, plural
from benchmarks.results import sound

HOLDS = Mark("✓", "holds", "good")
HOLDS_NOT = Mark("✗", "does not hold", "bad")
UNDECIDED = Mark("≈", "undecided", "none")
UNTRUE = (Truth.FALSE_SUCCESS, Truth.FALSE_FAILURE, Truth.LIMBO)
NOT_KNOWN = Mark("·", words.NOT_MEASURED, "none")


@dataclass(frozen=True, slots=True)
class Fact:
    """One sentence, and whether the data bear it."""

    mark: Mark
    text: str


@dataclass(frozen=True, slots=True)
class Digest:
    """Which contents the warehouse held after the calm trials of one subject."""

    subject: Subject
    digests: tuple[tuple[str, tuple[str, ...], int], ...]  # digest, setups, trials
    mark: Mark
    n: int


def compared(campaign: Campaign) -> str:
    """Say what was compared, with versions, dates, hosts and counts."""
    results = campaign.results
    versions = unique((it.engine, it.version) for it in results)
    known = {engine for engine, version in versions if version}  # one that broke may not say its
    named = [f"{engine.capitalize()} {version or 'of unknown version'}" for engine in ENGINES[1:]
             for found, version in versions
             if found == engine and (version or engine not in known)]  # fmt: skip
    days = sorted({it.started[:10] for it in results})
    hosts = words.listed(unique(str(it.environment.get("host")) for it in results))
    warm = sum(it.warmup for it in results)
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    beside = " beside bare, the same steps with no orchestrator" if named else ""
    return (
        f"{words.listed(named or ['Bare alone'])} ran one shared ETL library{beside}: "
        f"{plural(len(results) - warm, 'trial')} and "
        f"{plural(warm, 'warm-up')} on {hosts}, {when} (UTC)."
    )


def paragraphs(campaign: Campaign) -> list[str]:
    """Sum up the campaign: the rows, then each variant by itself."""
    same = " ".join(it.text for it in _same_rows(campaign))
    told = [" ".join([*_cost(campaign, it), *_rescued(campaign, it)]) for it in VARIANTS]
    others = unique(it.variant for it in recovery.hurt(campaign) if it.variant not in VARIANTS)
    told += [" ".join(_rescued(campaign, it)) for it in others]
    cost = steps.headline(steps.tables(campaign))
    small = scaling.headline(scaling.grains(campaign))
    growing = scaling.headline_of_growth(scaling.growths(campaign))
    at_once = concurrency.headline(concurrency.groups(campaign))
    rest = costs.headline(campaign)
    return [text for text in (same, *told, cost, growing, small, at_once, rest) if text]


def _cost(campaign: Campaign, variant: str) -> Iterator[str]:
    """Say what each engine adds to bare, over the pipelines from least to most."""
    added: dict[str, list[overhead.Overhead]] = {}
    for subject in campaign.subjects:
        for line in overhead.lines(campaign, subject):
            if line.overhead and line.setup.variant == variant:
                added.setdefault(line.setup.title, []).append(line.overhead)
    if added:
        parts = words.listed([_span(title, found) for title, found in added.items()])
        pairs = overhead.engines_compared(campaign, variant)
        decided = sum(it.mark.word != UNDECIDED.word for it in pairs)
        told = f"; of {plural(len(pairs), 'comparison')} between engines, {decided} decided and "
        told += f"{len(pairs) - decided} undecided"
        yield f"Makespan against bare: {parts}{told if pairs else ''}."


def _span(title: str, found: Sequence[overhead.Overhead]) -> str:
    low, high = min(it.absolute_s for it in found), max(it.absolute_s for it in found)
    span = words.signed(low) if low == high else f"{words.signed(low)} to {words.signed(high)}"
    return f"{title} {span} s (n = {min(it.n for it in found)} a pipeline)"


def _rescued(campaign: Campaign, variant: str) -> Iterator[str]:
    setups = [it for it in campaign.setups if it.variant == variant and it.engine != "bare"]
    found = {it.title: recovery.judged(campaign, it) for it in setups}
    parts = [f"{title} in {sum(map(fine, trials))} of {len(trials)}{_helped(trials)}"
             if trials else f"{title} {words.NOT_MEASURED}"
             for title, trials in found.items()]  # fmt: skip
    if any(found.values()):
        told = words.listed(parts)
        yield ("After a fault, every row arrived and the final state said so, or the run failed as "
               f"it must: {told}.")  # fmt: skip


def _helped(trials: Sequence[Result]) -> str:
    """Say in how many of the trials that ended well a person had to do something."""
    count = sum(fine(it) and it.outcome == Outcome.RESUMED for it in trials)
    return f" ({count} of them after a person's command)" if count else ""


def fine(result: Result) -> bool:
    """Whether a trial ended as it should: with every row, or as a failure that it must be."""
    return sound(result) or ends_as_it_must(result)


def facts(campaign: Campaign) -> list[Fact]:
    """Return every sentence that the data of the campaign allow."""
    return [
        *_same_rows(campaign), *_cheapest(campaign), *_tuning(campaign),
        *_recovery(campaign), *_control(campaign),
    ]  # fmt: skip


def digests(campaign: Campaign) -> list[Digest]:
    """Group the calm trials of each subject by the content hash of the warehouse."""
    return [_digest(campaign, subject) for subject in campaign.subjects]


def _digest(campaign: Campaign, subject: Subject) -> Digest:
    found: dict[str, list[str]] = {}
    for setup in campaign.setups:
        for result in campaign.cell(setup, subject).results:
            if result.ledger:
                found.setdefault(str(result.ledger["digest"]), []).append(setup.title)
    grouped = tuple((it, tuple(unique(titles)), len(titles)) for it, titles in found.items())
    equal = {1: Mark("=", "equal", "good"), 0: NOT_KNOWN}
    mark = equal.get(len(found), Mark("≠", "not equal", "bad"))
    return Digest(subject, grouped, mark, sum(map(len, found.values())))


def _same_rows(campaign: Campaign) -> Iterator[Fact]:
    told = [it for it in digests(campaign) if it.n]
    if not told:
        return
    unequal = [it.subject.title for it in told if len(it.digests) > 1]
    counts = ", ".join(f"{it.subject.title} n = {it.n}" for it in told)
    setups = len({title for it in told for _, titles, _ in it.digests for title in titles})
    if unequal:
        yield Fact(HOLDS_NOT, f"The rows differ between calm trials of {words.listed(unequal)} "
                              f"({counts}).")  # fmt: skip
    else:
        yield Fact(HOLDS, f"{plural(setups, 'setup')} left the same rows: one content hash per "
                          f"pipeline over all calm trials ({counts}).")  # fmt: skip


def _cheapest(campaign: Campaign) -> Iterator[Fact]:
    for variant in VARIANTS:
        pairs = overhead.engines_compared(campaign, variant)
        for subject in campaign.subjects:
            yield from _ranking(campaign, subject, variant, [
                it for it in pairs if it.subject == subject
            ])  # fmt: skip


def _ranking(
    campaign: Campaign, subject: Subject, variant: str, pairs: Sequence[Comparison]
) -> Iterator[Fact]:
    lines = [it for it in overhead.lines(campaign, subject)
             if it.overhead and it.setup.variant == variant]  # fmt: skip
    if len(lines) < 2:
        return
    costs = ", ".join(
        f"{it.setup.engine} {it.overhead.text} (n = {it.overhead.n})" for it in lines if it.overhead
    )
    apart = [f"{it.first} and {it.second}" for it in pairs if it.mark.word != UNDECIDED.word]
    mark = HOLDS if len(apart) == len(pairs) else UNDECIDED
    told = "which of them differ is undecided"
    if apart:
        told = f"undecided except between {words.listed(apart)}"
    if mark is HOLDS:
        told = "all of them differ"
    yield Fact(mark, f"{subject.title}, {variant}: against bare, {costs}; {told}.")


def _tuning(campaign: Campaign) -> Iterator[Fact]:
    pairs = overhead.tuned_against_default(campaign)
    for first, second in unique((it.first, it.second) for it in pairs):
        found = [it for it in pairs if (it.first, it.second) == (first, second)]
        told = "; ".join(
            f"{it.subject.title} {it.mark.word} "
            f"({words.signed(it.difference.absolute)} s, n = {it.n})"
            for it in found
        )
        decided = all(it.difference.verdict != statistics.Verdict.UNDECIDED for it in found)
        yield Fact(HOLDS if decided else UNDECIDED, f"{second} against {first}, makespan: {told}.")


def _recovery(campaign: Campaign) -> Iterator[Fact]:
    for setup in campaign.setups:
        found, silent = recovery.judged(campaign, setup), recovery.silent(campaign, setup)
        if not found:
            if silent:
                trials = plural(silent, "fault trial")
                yield Fact(NOT_KNOWN, f"{setup.title}: none of {trials} says anything.")
            continue
        well = sum(map(fine, found))
        other = [it for it in found if not ends_as_it_must(it)]
        told = [f"{n} {words.OUTCOMES[it].word}"
                for it in Outcome if (n := sum(one.outcome == it for one in other))]  # fmt: skip
        told += [f"{n} {words.AS_IT_MUST.word}"] if (n := len(found) - len(other)) else []
        told += [f"{n} {words.TRUTHS[it].word}"
                 for it in UNTRUE if (n := sum(one.truth == it for one in found))]  # fmt: skip
        yield Fact(
            HOLDS if well == len(found) else HOLDS_NOT,
            f"{setup.title} ended with every row and said so in {well} of "
            f"{plural(len(found), 'fault trial')}: {', '.join(told)}"
            + (f"; {silent} more say nothing." if silent else "."),
        )


def _control(campaign: Campaign) -> Iterator[Fact]:
    twice = control.pairs(campaign)
    yield from _ran_twice(twice) if twice else _halves(campaign)


def _ran_twice(pairs: Sequence[control.Pair]) -> Iterator[Fact]:
    titles = words.listed(unique(it.cell.setup.title for it in pairs))
    decided = [it for it in pairs if it.decides]
    if not decided:
        needed = statistics.INTERVAL_FROM
        yield Fact(NOT_KNOWN, f"A/A control, {titles} run twice: too few repetitions to tell "
                              f"anything apart ({needed} are needed).")  # fmt: skip
        return
    apart = control.failed(pairs)
    yield Fact(
        HOLDS_NOT if apart else HOLDS,
        f"A/A control, {titles} run twice: {len(decided) - len(apart)} of {len(decided)} "
        "comparisons of a setup with itself are undecided, as all should be (by chance, one in 20 "
        "is not).",
    )


def _halves(campaign: Campaign) -> Iterator[Fact]:
    pairs = [it for it in overhead.split_halves(campaign) if it.difference.counts]
    if not pairs:
        needed = 2 * statistics.INTERVAL_FROM
        yield Fact(NOT_KNOWN, f"A/A control: too few repetitions to split a setup into two halves "
                              f"({needed} are needed).")  # fmt: skip
        return
    apart = [it for it in pairs if it.difference.verdict != statistics.Verdict.UNDECIDED]
    yield Fact(
        HOLDS_NOT if apart else HOLDS,
        f"A/A control, every other start of a setup against the rest: {len(pairs) - len(apart)} "
        f"of {len(pairs)} comparisons are undecided, as all should be.",
    )
