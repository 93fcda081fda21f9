"""The ETL library on its own: extract, transform, load, a window at a time. Arguments: the days."""

from __future__ import annotations

import sys
import time

from benchmarks.library.usage import closing_line
from shared import complaints, warehouse

RUN = "library"


def main(days: list[str]) -> None:
    """Time each phase over all windows, one window after the other."""
    warehouse.engine()  # the tables exist before the clock runs
    seconds = {"extract": 0.0, "transform": 0.0, "load": 0.0}
    began = time.perf_counter()
    for day in days:
        for phase in (complaints.extract, complaints.transform, complaints.load):
            start = time.perf_counter()
            phase(RUN, day)
            seconds[phase.__name__] += time.perf_counter() - start
    counts = complaints.summarise(RUN, days)
    closing_line(counts.loaded, {**seconds, "whole": time.perf_counter() - began})


if __name__ == "__main__":
    main(sys.argv[1:])
