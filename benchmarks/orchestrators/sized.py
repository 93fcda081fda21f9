"""The synthetic pipelines of the engines whose graphs are static: one for each number of steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.model import PIPELINES, SYNTHETIC
from shared.config import names


def sized(pipeline: str, parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the engine's name of a pipeline and the parameters that are not in the name."""
    if pipeline not in SYNTHETIC:
        return pipeline, dict(parameters)
    others = {name: value for name, value in parameters.items() if name != "steps"}
    return f"{pipeline}_{parameters['steps']}", others


def defined(environment: Mapping[str, str]) -> set[str]:
    """Return the names of all pipelines that an engine with these `ETL_*` variables must know."""
    sizes = names(environment.get("ETL_SYNTHETIC", ""))
    return {*PIPELINES, *(f"{pipeline}_{n}" for pipeline in SYNTHETIC for n in sizes)}
