"""The three implementations of a pipeline, side by side and highlighted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from pygments.token import Comment, String

from benchmarks.model import PIPELINES

FOLDERS = {"airflow": "airflow_dags", "prefect": "prefect_impl", "dagster": "dagster_impl"}
SHARED = "shared by the pipelines"
YAML = "YAML"
OF_THE_BENCH = ("once", "synthetic", "__init__")
# What only some setups have: Dagster's tuned instance and our launcher, Prefect without a worker.
OF_SOME_SETUPS = ("dagster", "launcher", "preload", "serve")
LEFT_OUT = (*OF_THE_BENCH, *OF_SOME_SETUPS)


@dataclass(frozen=True, slots=True)
class Source:
    """One file of an implementation; `code` is None when the file is not there."""

    engine: str
    path: str
    lines: int
    code_lines: int  # neither blank, nor comment, nor docstring
    code: Markup | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One pipeline as each of the three engines has it."""

    pipeline: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """How many lines of code one engine's implementation has, by what they are for."""

    engine: str
    by_file: dict[str, int]  # of the pipelines, and of what they share
    whole: int


def lines(root: Path) -> list[Lines]:
    """Count the lines of code of the implementations under a checkout.

    What runs a pipeline once for the bench, what a bench measures with, and what tunes an engine is
    left out: Airflow and Prefect are tuned by variables, which are no lines of theirs.
    """
    return [Lines(it, told, sum(told.values())) for it in FOLDERS if (told := _counted(root, it))]


def _counted(root: Path, engine: str) -> dict[str, int]:
    files = sorted((root / FOLDERS[engine]).glob("*.py"))
    counted = {it.stem: code_lines(it.read_text(encoding="utf-8")) for it in files
               if it.stem not in LEFT_OUT}  # fmt: skip
    shared = sum(count for name, count in counted.items() if name not in PIPELINES)
    found = {it: counted[it] for it in PIPELINES if it in counted}
    settings = (root / FOLDERS[engine]).glob("*.yaml")
    yaml = sum(yaml_lines(it) for it in settings if it.stem not in LEFT_OUT)
    return {**found, SHARED: shared, YAML: yaml} if counted else {}


def yaml_lines(file: Path) -> int:
    """Count the lines of a YAML file that are neither blank nor comment."""
    texts = map(str.strip, file.read_text(encoding="utf-8").splitlines())
    return sum(bool(it) and not it.startswith("#") for it in texts)


def comparisons(root: Path) -> list[Comparison]:
    """Read the implementations under a checkout."""
    return [
        Comparison(pipeline, tuple(source(root, it, pipeline) for it in FOLDERS))
        for pipeline in PIPELINES
    ]


def source(root: Path, engine: str, pipeline: str) -> Source:
    """Read one implementation; a missing file is no error."""
    path = Path(FOLDERS[engine]) / f"{pipeline}.py"
    if not (root / path).is_file():
        return Source(engine, path.as_posix(), 0, 0, None)
    text = (root / path).read_text(encoding="utf-8")
    drawn = Markup(highlight(text, PythonLexer(), HtmlFormatter(nowrap=True)))
    return Source(engine, path.as_posix(), len(text.splitlines()), code_lines(text), drawn)


def code_lines(text: str) -> int:
    """Count the lines of Python that are neither blank, nor comment, nor docstring."""
    filled, line = set(), 1
    for kind, value in PythonLexer(stripnl=False).get_tokens(text):
        skipped = kind in Comment or kind in String.Doc
        for place, part in enumerate(value.split("\n")):
            if part.strip() and not skipped:
                filled.add(line + place)
        line += value.count("\n")
    return len(filled)
