"""Quarantine: records that did not validate, kept with the reason instead of lost."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record that did not validate: its place in the batch (from 1), why, and what it was."""

    position: int
    reason: str
    record: str


def reason(error: ValidationError) -> str:
    """Return what is wrong, field by field, in one line."""
    wrong = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'record'}: {e['msg']}" for e in wrong)
