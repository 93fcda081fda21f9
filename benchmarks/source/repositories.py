"""Repositories by seed and name, growing from day to day; every name exists that is not special.

Special names, of the repository without its owner: `missing*` does not exist, `blocked-*` is
blocked for legal reasons, `renamed-X` is now called X.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from benchmarks.source import draw

LANGUAGES = ("Python", "Python", "Python", "Go", "Rust", "TypeScript", "Java", "C++", None)
LICENSES = (
    ("apache-2.0", "Apache License 2.0", "Apache-2.0"),
    ("mit", "MIT License", "MIT"),
    ("bsd-3-clause", 'BSD 3-Clause "New" or "Revised" License', "BSD-3-Clause"),
    ("other", "Other", "NOASSERTION"),
    None,
)
EPOCH = date(2020, 1, 1)  # from which counts grow


@dataclass(frozen=True, slots=True)
class Repository:
    """What a repository is on a day."""

    id: int
    owner: str
    name: str
    stars: int
    forks: int
    open_issues: int  # pull requests included
    subscribers: int
    archived: bool
    language: str | None
    license: tuple[str, str, str] | None  # key, name, SPDX id
    created: date
    pushed: date

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"


def missing(full_name: str) -> bool:
    """Say whether a name answers 404."""
    return _name(full_name).startswith("missing")


def blocked(full_name: str) -> bool:
    """Say whether a name answers 451."""
    return _name(full_name).startswith("blocked-")


def renamed_to(full_name: str) -> str | None:
    """Return what a renamed repository is called now."""
    owner, _, name = full_name.partition("/")
    prefix = "renamed-"
    return f"{owner}/{name[len(prefix) :]}" if name.lower().startswith(prefix) else None


def _name(full_name: str) -> str:
    return full_name.partition("/")[2].lower()


def of(seed: int, full_name: str, today: date) -> Repository:
    """Return a repository that exists; names differ by more than case, as at GitHub."""
    owner, _, name = full_name.partition("/")
    what = ("github", full_name.lower())
    days = (today - EPOCH).days
    stars = 3 + draw.skewed(60_000, seed, *what, "stars")
    stars = max(0, stars + days * (stars // 2000))
    return Repository(
        id=draw.between(10_000_000, 999_999_999, seed, *what, "id"),
        owner=owner,
        name=name,
        stars=stars,
        forks=stars * draw.between(5, 40, seed, *what, "forks") // 100,
        open_issues=draw.skewed(4000, seed, *what, "issues") + max(0, days) % 7,
        subscribers=stars // 90 + draw.between(0, 40, seed, *what, "subscribers"),
        archived=draw.chance(6, seed, *what, "archived"),
        language=draw.one_of(LANGUAGES, seed, *what, "language"),
        license=draw.one_of(LICENSES, seed, *what, "license"),
        created=date(2013, 1, 1) + timedelta(days=draw.between(0, 2500, seed, *what, "created")),
        pushed=today - timedelta(days=draw.between(0, 9, seed, *what, "pushed")),
    )


def body(seed: int, found: Repository, authorized: bool) -> dict[str, Any]:
    """Return the full repository of the REST API; `permissions` only with authorization."""
    permissions = {"admin": False, "maintain": False, "push": False, "triage": False, "pull": True}
    return {
        "id": found.id,
        "node_id": f"R_{draw.token(14, seed, 'github-node', found.id)}",
        "name": found.name,
        "full_name": found.full_name,
        "private": False,
        "owner": _owner(seed, found.owner),
        "html_url": f"https://github.com/{found.full_name}",
        "description": f"{found.name}, made up" if found.id % 5 else None,
        "fork": False,
        "url": f"https://api.github.com/repos/{found.full_name}",
        "created_at": _moment(found.created),
        "updated_at": _moment(found.pushed),
        "pushed_at": _moment(found.pushed),
        "homepage": None if found.id % 3 else f"https://{found.name.lower()}.example",
        **_counts(found),
        "language": found.language,
        "has_issues": True,
        "archived": found.archived,
        "disabled": False,
        "license": _license(found),
        "topics": [],
        "visibility": "public",
        "default_branch": "main",
        **({"permissions": permissions} if authorized else {}),
    }


def _owner(seed: int, login: str) -> dict[str, Any]:
    what = ("github-owner", login.lower())
    return {
        "login": login,
        "id": draw.between(1_000, 9_999_999, seed, *what),
        "type": draw.one_of(("Organization", "User"), seed, *what, "type"),
        "site_admin": False,
    }


def _counts(found: Repository) -> dict[str, int]:
    return {
        "size": 100 + found.id % 90_000,
        "stargazers_count": found.stars,
        "watchers_count": found.stars,  # repeats the stars: watchers are `subscribers_count`
        "watchers": found.stars,
        "forks_count": found.forks,
        "forks": found.forks,
        "network_count": found.forks,
        "open_issues_count": found.open_issues,
        "open_issues": found.open_issues,
        "subscribers_count": found.subscribers,
    }


def _license(found: Repository) -> dict[str, Any] | None:
    if found.license is None:
        return None
    key, name, spdx_id = found.license
    url = None if key == "other" else f"https://api.github.com/licenses/{key}"
    return {"key": key, "name": name, "spdx_id": spdx_id, "url": url, "node_id": f"MDc6{key}"}


def _moment(day: date) -> str:
    return f"{day.isoformat()}T08:30:00Z"
