"""The engines' public HTTP APIs: one small class each, over an address and a login.

The adapters of the local mode and of the containers drive an engine through the same class, and so
do the first run in containers and the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from benchmarks.model import State
from benchmarks.orchestrators.api.airflow import AirflowApi
from benchmarks.orchestrators.api.dagster import DagsterApi
from benchmarks.orchestrators.api.prefect import PrefectApi


class EngineApi(Protocol):
    """One engine behind an address. Errors are `OSError`, as all those of `requests` are."""

    def version(self) -> str:
        """Return the version that the engine says it has."""

    def ready(self) -> bool:
        """Whether a run that is submitted now would start: asked once, never waits.

        Raises:
            RuntimeError: the engine cannot load a pipeline; asking again would not help.

        """

    def has_run(self, pipeline: str) -> bool:
        """Whether a run of the pipeline has ever succeeded."""

    def submit(self, pipeline: str, run: str, parameters: Mapping[str, Any]) -> str:
        """Ask for a run under our id; return the engine's handle of it."""

    def state(self, handle: str) -> State:
        """Ask once where a run is."""

    def give_up(self, handle: str) -> None:
        """Make a run that is stuck a failed one, as a person would before resuming it."""

    def cancel(self, handle: str) -> None:
        """Ask for the end of a run that is at work, the way the engine offers."""

    def resume(self, handle: str) -> str:
        """Continue a failed run the way the engine's manual says; return its handle."""

    def output(self, handle: str) -> str:
        """Return what the steps of a run printed."""

    def why(self, handle: str) -> str:
        """Return what the engine says about a run that failed."""

    def history(self, handle: str) -> str:
        """Return, in lines, what the engine has stored of how a run went: its states and tries."""

    def span_s(self, handle: str, steps: int) -> float | None:
        """Return the seconds from the first step created to the last one completed, as stored.

        None while the store does not know the end of so many steps.
        """

    def steps_done(self, handle: str) -> int:
        """Return how many steps of a run that succeeded have done so, as stored."""


# By engine in a container: its address, and the variables of docker-compose.yml.
APIS: Mapping[str, Callable[[str, Mapping[str, str]], EngineApi]] = {
    "airflow": lambda url, given: AirflowApi(
        url, given["AIRFLOW_ADMIN_PASSWORD"], given.get("ETL_SYNTHETIC", "")
    ),
    "prefect": lambda url, given: PrefectApi(
        url, given["PREFECT_ADMIN_PASSWORD"], given.get("ETL_SYNTHETIC", "")
    ),
    "dagster": lambda url, given: DagsterApi(url, location="etl"),
}
