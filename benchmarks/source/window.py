"""The complaints between two days as one sequence, of which any part can be had at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from benchmarks.source import complaints
from benchmarks.source.query import Filter, Search


@dataclass(frozen=True, slots=True)
class Window:
    """What a search runs over, in its order. Positions count from 0, before filters."""

    seed: int
    per_day: int
    first: date
    last: date
    filters: tuple[Filter, ...]
    descending: bool
    by_score: bool

    @property
    def days(self) -> int:
        return max(0, (self.last - self.first).days + 1)

    @property
    def size(self) -> int:
        """How many complaints there are before filters."""
        return self.days * self.per_day

    def place(self, position: int) -> tuple[date, int]:
        """Return day and index of the complaint at a position."""
        days, index = divmod(position, self.per_day)
        if self.descending:
            return self.last - timedelta(days=days), self.per_day - 1 - index
        return self.first + timedelta(days=days), index

    def after(self, value: float, complaint_id: int) -> int:
        """Return the position of the first complaint behind a sort value and an id."""
        up_to = self._up_to(value, complaint_id)
        if not self.descending:
            return up_to
        return self.size - up_to + self._exists(value, complaint_id)

    def _up_to(self, value: float, complaint_id: int) -> int:
        """Count the complaints whose sort value and id are at most those given."""
        if self.by_score:  # every score is 0.0, so the id alone decides
            return self._ids_up_to(complaint_id) if value == 0 else self.size * (value > 0)
        days, rest = divmod(value - complaints.received_ms(self.first), complaints.DAY_MS)
        before = min(self.size, max(0, int(days) * self.per_day))
        through = min(self.size, max(0, int(days + 1) * self.per_day))
        return through if rest else min(through, max(before, self._ids_up_to(complaint_id)))

    def _ids_up_to(self, complaint_id: int) -> int:
        days, index = self._number(complaint_id)
        return max(0, min(self.size, days * self.per_day + min(index + 1, self.per_day)))

    def _exists(self, value: float, complaint_id: int) -> bool:
        days, index = self._number(complaint_id)
        sort = 0.0 if self.by_score else self._ms(days)
        return 0 <= days < self.days and index < self.per_day and value == sort

    def _number(self, complaint_id: int) -> tuple[int, int]:
        return divmod(complaint_id - complaints.first_id(self.first), complaints.IDS_A_DAY)

    def _ms(self, days: int) -> int:
        return complaints.received_ms(self.first) + days * complaints.DAY_MS

    def picks(self, start: int, count: int) -> Iterator[tuple[date, Sequence[int]]]:
        """Yield, by day, the indexes of up to `count` complaints that pass the filters."""
        while start < self.size and count > 0:
            day, index = self.place(start)
            left = self.per_day - start % self.per_day
            step = -1 if self.descending else 1
            kept = self._kept(day, range(index, index + step * left, step))[:count]
            yield day, kept
            start, count = start + left, count - len(kept)

    def _kept(self, day: date, indexes: range) -> Sequence[int]:
        if not self.filters:
            return indexes
        return [i for i in indexes if self._passes(complaints.source(self.seed, day, i))]

    def _passes(self, record: dict[str, object]) -> bool:
        return all(f.keeps(record) for f in self.filters)

    def hits(self, start: int, count: int) -> list[bytes]:
        """Return up to `count` hits from a position on, as JSON."""
        rendered: list[bytes] = []
        for day, indexes in self.picks(start, count):
            rendered += complaints.hits(self.seed, day, indexes, self.by_score)
        return rendered

    def sorts(self, count: int) -> list[list[float | str]]:
        """Return the `sort` of the first `count` hits."""
        return [
            [
                0.0 if self.by_score else complaints.received_ms(day),
                str(complaints.first_id(day) + i),
            ]
            for day, indexes in self.picks(0, count)
            for i in indexes
        ]


@lru_cache(maxsize=256)
def total(window: Window) -> int:
    """Count the complaints that a search finds; with filters that takes a look at each."""
    if not window.filters:
        return window.size
    return sum(len(indexes) for _, indexes in window.picks(0, window.size))


def of(search: Search, seed: int, per_day: int, today: date) -> Window:
    """Return the window of a search.

    Without `date_received_max` it ends today; one that lies after today is honoured, since the
    ground truth knows no today.
    """
    return Window(
        seed=seed,
        per_day=per_day,
        first=max(search.first or complaints.FIRST_DAY, complaints.FIRST_DAY),
        last=min(search.last or today, complaints.LAST_DAY),
        filters=search.filters,
        descending=search.descending,
        by_score=search.by_score,
    )
