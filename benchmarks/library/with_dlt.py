"""dlt doing the same job: the same pages, merged by complaint id. Arguments: the days.

Runs in an environment of its own, without the project's packages but `requests`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import requests

PATH = "/cfpb/data-research/consumer-complaints/search/api/v1/"


@dlt.resource(name="complaints", primary_key="complaint_id", write_disposition="merge")  # type: ignore[untyped-decorator]
def complaints(days: list[str]) -> Iterator[list[dict[str, Any]]]:
    """Yield the complaints of the days, a page at a time."""
    with requests.Session() as session:
        for day in days:
            params: dict[str, Any] = {
                "date_received_min": day,
                "date_received_max": day,
                "size": os.environ["ETL_PAGE_SIZE"],
                "sort": "created_date_desc",
                "no_aggs": "true",
            }
            count, total = 0, 1
            while count < total:
                answer = session.get(os.environ["ETL_SOURCE_URL"] + PATH, params=params, timeout=30)
                found = answer.json()["hits"]
                yield [hit["_source"] for hit in found["hits"]]
                count, total = count + len(found["hits"]), found["total"]["value"]
                params["search_after"] = "{}_{}".format(*found["hits"][-1]["sort"])


def main(days: list[str]) -> None:
    """Time dlt's own three phases."""
    url = os.environ["ETL_WAREHOUSE_URL"]
    make = (
        dlt.destinations.postgres if url.startswith("postgresql") else dlt.destinations.sqlalchemy
    )
    pipeline = dlt.pipeline("complaints", destination=make(url), dataset_name="yardstick")
    marks = [time.perf_counter()]
    for phase in (lambda: pipeline.extract(complaints(days)), pipeline.normalize, pipeline.load):
        phase()
        marks.append(time.perf_counter())
    with (
        pipeline.sql_client() as sql,
        sql.execute_query("SELECT count(*) FROM complaints") as found,
    ):
        rows = found.fetchone()[0]
    names = ("extract", "transform", "load")
    seconds = {n: b - a for n, a, b in zip(names, marks[:-1], marks[1:], strict=True)}
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
    line = {"rows": rows, "seconds": seconds | {"whole": marks[-1] - marks[0]}, "peak_rss_mb": peak}
    print(json.dumps(line))


if __name__ == "__main__":
    main(sys.argv[1:])
