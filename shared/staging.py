"""Staged batches: what one step leaves for the next, as whole files or none.

A batch is named by run, pipeline, key and step, so a step hands on its key and never the data, and
a second attempt of a step finds what the first one finished.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from threading import get_ident
from urllib.parse import unquote, urlsplit

from shared.config import settings


class StagingError(Exception):
    """A batch that must be there is not, or is not what it was when it was written."""


def folder(run: str, pipeline: str, key: str) -> Path:
    """Return the folder of a key of a run, which exists afterwards."""
    parts = (re.sub(r"[^\w.+-]", "_", part) for part in (run, pipeline, key))
    made = Path(unquote(urlsplit(settings().staging_url).path), *parts)
    made.mkdir(parents=True, exist_ok=True)
    return made


def cache_folder(pipeline: str) -> Path:
    """Return the folder in which a pipeline keeps answers from one run to the next."""
    return folder("cache", pipeline, "")


def write(file: Path, content: bytes) -> None:
    """Write a file whole or not at all: a reader never sees a part of it."""
    part = file.with_name(f".{file.name}.{os.getpid()}.{get_ident()}")
    with part.open("wb") as stream:
        stream.write(content)  # survives the death of a process; a digest tells a torn file
    part.replace(file)


def read(file: Path) -> bytes:
    """Return a file's content.

    Raises:
        StagingError: there is no such file; the step before this one has not run.

    """
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise StagingError(
            f"staging: {file} is missing: the step before has not finished"
        ) from None


def pages(directory: Path) -> list[Path]:
    """Return the pages of a batch, in order, without a gap."""
    found = sorted(directory.glob("page-*.json"))
    return list(_gapless(found, directory))


def page(directory: Path, number: int) -> Path:
    """Return the file of page `number`, counted from 1."""
    return directory / f"page-{number:06d}.json"


def _gapless(found: list[Path], directory: Path) -> Iterator[Path]:
    for number, file in enumerate(found, start=1):
        if file != page(directory, number):
            raise StagingError(f"staging: {directory} has no page {number}")
        yield file


def digest(content: bytes) -> str:
    """Return the content hash of a batch, as 64 hexadecimal digits (SHA-256)."""
    return hashlib.sha256(content).hexdigest()
