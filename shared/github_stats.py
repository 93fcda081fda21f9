"""GitHub repository statistics: stars, forks, open issues and subscribers, a row a day.

Wire format: `GET /repos/{owner}/{repo}` of the GitHub REST API. `watchers_count` repeats the stars;
real watchers are `subscribers_count`. A conditional request answered 304 costs nothing of the rate
limit. A renamed repository answers 301 and keeps its id; a missing one 404, a blocked one 451.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NotRequired

import orjson
import requests
from pydantic import Field, StrictInt, StringConstraints, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from shared import http, journal, quarantine, staging, warehouse
from shared.config import ConfigurationError, names, settings
from shared.quarantine import Quarantined
from shared.warehouse import REPOSITORIES, Balance

PIPELINE = "github_stats"


Count = Annotated[StrictInt, Field(ge=0, lt=10**18)]
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]


class License(TypedDict):
    spdx_id: Text | None


class Repository(TypedDict):
    """What the answer must hold; nullable as GitHub documents it."""

    id: Count
    full_name: Annotated[str, StringConstraints(pattern=r"^[^/\x00]+/[^/\x00]+$")]
    stargazers_count: Count
    forks_count: Count
    open_issues_count: Count
    subscribers_count: NotRequired[Count | None]
    archived: NotRequired[bool]
    language: NotRequired[Text | None]
    license: NotRequired[License | None]


RECORD = TypeAdapter(Repository)


def plan(run: str, repositories: Sequence[str] = ()) -> list[str]:
    """Return the repositories to ask for, each once: those given, or those of the settings.

    Raises:
        ConfigurationError: a name is not of the form OWNER/NAME.

    """
    with journal.step("plan", run):
        asked = list(dict.fromkeys(repositories or names(settings().repositories)))
        wrong = [name for name in asked if name.count("/") != 1 or " " in name]
        if wrong or not asked:
            raise ConfigurationError(f"github_stats: not OWNER/NAME: {wrong or 'no name'}")
        return asked


def extract(run: str, repository: str) -> str:
    """Fetch a repository's statistics, and return its name.

    Raises:
        SourceError: see `shared.http`.

    """
    with journal.step("extract", run, repository):
        cached = staging.cache_folder(PIPELINE) / f"{repository.replace('/', '@')}.json"
        previous = orjson.loads(cached.read_bytes()) if cached.exists() else {}
        headers = _headers(previous.get("etag"))
        response = http.get(_url(repository), headers=headers, also=(404, 451))
        answer = _answer(repository, response, previous)
        if answer.get("etag"):
            staging.write(cached, orjson.dumps(answer))
        staging.write(_folder(run, repository) / "extract.json", orjson.dumps(answer))
    return repository


def _folder(run: str, repository: str) -> Any:
    return staging.folder(run, PIPELINE, repository)


def _url(repository: str) -> str:
    return f"{settings().base_url(PIPELINE)}/repos/{repository}"


def _headers(etag: str | None) -> dict[str, str]:
    headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
    if etag:
        headers["If-None-Match"] = etag
    token = settings().github_token
    if token is not None:
        headers["Authorization"] = f"Bearer {token.get_secret_value()}"
    return headers


def _answer(
    repository: str, response: requests.Response, previous: dict[str, Any]
) -> dict[str, Any]:
    """Return status, day, ETag and body; a 304 stands for the body that came with its ETag."""
    answer = {
        "asked": repository,
        "status": response.status_code,
        "day": http.day(response),
        "etag": response.headers.get("ETag") if response.status_code in (200, 304) else None,
    }
    if response.status_code == 304:
        return answer | {"body": previous["body"], "etag": previous["etag"]}
    return answer | {"body": http.body(response)}


def transform(run: str, repository: str) -> str:
    """Validate and normalise a repository's statistics, and return its name.

    A repository that is missing, blocked or not of the documented form goes to quarantine.
    """
    with journal.step("transform", run, repository):
        folder = _folder(run, repository)
        answer = orjson.loads(staging.read(folder / "extract.json"))
        staged = normalise(answer)
        staging.write(folder / "transform.json", orjson.dumps(staged))
    return repository


def normalise(answer: dict[str, Any]) -> dict[str, Any]:
    """Return `rows` in the order of the table's columns, and `quarantined`; one of both has one."""
    reasons = {404: "not found: private, gone or misspelt", 451: "blocked for legal reasons"}
    reason = reasons.get(answer["status"])
    if reason is None:
        try:
            row = _row(answer["day"], RECORD.validate_python(answer["body"]))
            return {"rows": [row], "quarantined": []}
        except ValidationError as error:
            reason = quarantine.reason(error)
    record = orjson.dumps({"asked": answer["asked"], "body": answer["body"]}).decode()
    return {"rows": [], "quarantined": [[1, reason, record]]}


def _row(day: str, r: Repository) -> tuple[Any, ...]:
    license_ = r.get("license")
    return (
        day,
        r["id"],
        r["full_name"],
        r["stargazers_count"],
        r["forks_count"],
        r["open_issues_count"],
        r.get("subscribers_count"),
        r.get("archived", False),
        r.get("language"),
        license_["spdx_id"] if license_ else None,
    )


def load(run: str, repository: str) -> str:
    """Upsert the day's row of a repository, and return its name.

    Raises:
        StagingError: the repository was not transformed.

    """
    with journal.step("load", run, repository):
        staged = _staged(run, repository)
        with warehouse.batch(PIPELINE, run, repository, extracted=1, superseded=0) as batch:
            batch.upsert(REPOSITORIES, staged["rows"])
            batch.quarantine(Quarantined(*q) for q in staged["quarantined"])
        journal.record("committed", run, "load", repository, {"rows": batch.loaded})
    return repository


def _staged(run: str, repository: str) -> Any:
    return orjson.loads(staging.read(_folder(run, repository) / "transform.json"))


def describe(run: str, repository: str) -> str:
    """Return what a person wants to read of a loaded repository, in lines."""
    staged = _staged(run, repository)
    for _, _, full_name, stars, forks, *_ in staged["rows"]:
        return f"{full_name} repository statistics\nStars: {stars}\nForks: {forks}"
    return f"{repository}: {staged['quarantined'][0][1]}"


def summarise(run: str, repositories: Sequence[str]) -> Balance:
    """Check that every repository of the plan was loaded, and return where its records went.

    Raises:
        IncompleteError: a repository of the plan was never loaded.
        BalanceError: a record went nowhere.

    """
    with journal.step("summarise", run):
        return warehouse.settle(PIPELINE, run, repositories)
