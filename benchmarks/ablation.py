"""Variants between default and tuned: one group of the tuned settings alone, or all but one.

They are made from the settings as the engines' modules declare them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.model import Setting, Setup

ALONE, WITHOUT = "default+", "tuned-"  # how the variants' names begin; the group's name follows

Settings = tuple[Setting, ...]
Make = Callable[[str, Settings], Setup]  # a mode's setup, of a variant's name and its settings


def groups(tuned: Sequence[Setting]) -> list[str]:
    """Return the names of the groups, in the order of the settings."""
    return list(dict.fromkeys(setting.group for setting in tuned if setting.group))


def variants(make: Make, tuned: Settings) -> list[Setup]:
    """Return the setups with each group alone, and with all but each."""
    names = groups(tuned)
    return [
        *(make(ALONE + name, alone(tuned, name)) for name in names),
        *(make(WITHOUT + name, without(tuned, name)) for name in names),
    ]


def alone(tuned: Settings, group: str) -> Settings:
    """Return the settings of a group and of those that it needs; the others are as shipped."""
    wanted = {group}
    while more := {s.needs for s in tuned if s.group in wanted and s.needs} - wanted:
        wanted |= more
    return tuple(setting for setting in tuned if setting.group in wanted)


def without(tuned: Settings, group: str) -> Settings:
    """Return all settings but those of a group, and of those that need it."""
    left = {group}
    while more := {s.group for s in tuned if s.needs in left} - left:
        left |= more
    return tuple(setting for setting in tuned if setting.group not in left)
