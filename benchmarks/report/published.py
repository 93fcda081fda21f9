"""Figures that others published of two of our workloads, as they printed them: never ranked.

Source: the repository windmill-labs/windmill-benchmarks, folder competitors/2026-09, and the page
windmill.dev/docs/misc/benchmarks/competitors. Run of 2026-09-15; each engine alone on one AWS
m7i.xlarge; one warm-up and five repetitions; medians, with least and greatest where they are known
to us.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

WHO = "Windmill"
DATE = "2026-09-15"
HARDWARE = "one AWS m7i.xlarge for each engine (4 vCPU, 16 GiB), us-east-2, containers"
PROTOCOL = "1 warm-up and 5 repetitions, median (least to greatest)"
TIMED = "first task created to last task completed, from each engine's own metadata store"
SOURCE = (
    "windmill-labs/windmill-benchmarks, competitors/2026-09;"
    " windmill.dev/docs/misc/benchmarks/competitors"
)
# The time of one fib(33) in their containers: how fast their processors and interpreters are.
# From the least to the greatest, in seconds.
PROBE_S = {"Prefect container": (0.283, 0.283), "Airflow worker": (0.366, 0.372)}
PROBE_WORKLOAD = "fib_10_33"


@dataclass(frozen=True, slots=True)
class Row:
    """One configuration of theirs; `step_ms` is their milliseconds a task.

    In fib_10_33 it is what is left of them when the time of the task itself is taken off.
    """

    name: str
    task: str
    median_s: str
    spread: str
    step_ms: str


FLOWS: Mapping[str, tuple[Row, ...]] = {
    "fib_40_10": (
        Row("Airflow 3.3.1 default", "process", "40.453", "39.609 to 41.801", "1011.3"),
        Row("Airflow 3.3.1 tuned", "process", "9.106", "8.844 to 9.988", "227.6"),
        Row("Hatchet 0.107", "warm worker", "1.237", "", "30.9"),
        Row("Kestra 2.0.2 docker", "container", "27.008", "", "675.2"),
        Row("Kestra 2.0.2 process", "process", "3.473", "", "86.8"),
        Row("Prefect 3.8.6", "call in flow process", "0.137", "0.125 to 0.141", "3.4"),
        Row("Temporal 1.29.7", "activity", "2.995", "", "74.9"),
        Row("Temporal tuned", "activity", "0.760", "", "19.0"),
        Row("Windmill 1.811.1", "process", "3.443", "", "86.1"),
        Row("Windmill dedicated", "warm worker", "0.393", "", "9.8"),
        Row("Windmill script", "process", "1.504", "", "37.6"),
        Row("Windmill tuned", "process", "1.594", "", "39.9"),
    ),
    "fib_10_33": (
        Row("Airflow 3.3.1 default", "process", "10.965", "9.633 to 11.361", "725.4"),
        Row("Airflow 3.3.1 tuned", "process", "6.325", "5.954 to 7.009", "246.6"),
        Row("Hatchet 0.107", "warm worker", "3.518", "", "35.8"),
        Row("Kestra 2.0.2 docker", "container", "10.104", "", "659.4"),
        Row("Kestra 2.0.2 process", "process", "4.006", "", "89.6"),
        Row("Prefect 3.8.6", "call in flow process", "2.997", "2.965 to 3.024", "16.3"),
        Row("Temporal 1.29.7", "activity", "3.468", "", "11.8"),
        Row("Windmill 1.811.1", "process", "4.544", "", "100.5"),
        Row("Windmill dedicated", "warm worker", "3.857", "", "31.8"),
        Row("Windmill script", "process", "4.160", "", "62.1"),
        Row("Windmill tuned", "process", "4.133", "", "59.4"),
    ),
}
