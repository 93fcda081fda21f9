import orjson
import pytest
from driving import drive

from benchmarks.source import client, truth
from shared import github_stats, warehouse
from shared.config import ConfigurationError
from shared.http import RateLimitedError
from shared.warehouse import QUARANTINE, REPOSITORIES, Balance, IncompleteError

NAME = "acme/rocket"
BODY = {
    "id": 1, "full_name": "acme/rocket", "stargazers_count": 10, "forks_count": 3,
    "open_issues_count": 4, "subscribers_count": 1, "archived": False, "language": "Go",
    "license": {"spdx_id": "MIT"},
}  # fmt: skip


def rows():
    return list(warehouse.rows(REPOSITORIES))


def statuses(source):
    return [request["status"] for request in client.served(source.url)]


def normalised(**fields):
    body = {name: value for name, value in (BODY | fields).items() if value != "GONE"}
    answer = {"asked": NAME, "status": 200, "day": "2026-01-15", "body": body}
    made = github_stats.normalise(orjson.loads(orjson.dumps(answer)))
    return made["rows"], made["quarantined"]


def test_the_plan_has_each_repository_once(configure):
    configure(ETL_REPOSITORIES="a/b, c/d,a/b")

    assert github_stats.plan("r") == ["a/b", "c/d"]
    assert github_stats.plan("r", ["e/f", "e/f"]) == ["e/f"]


@pytest.mark.parametrize("name", ["rocket", "a/b/c", "a /b", "https://github.com/a/b"])
def test_a_name_of_another_form_is_refused(name):
    with pytest.raises(ConfigurationError, match="github_stats: not OWNER/NAME"):
        github_stats.plan("r", [name])


def test_a_plan_without_a_repository_is_refused(configure):
    configure(ETL_REPOSITORIES=" , ")

    with pytest.raises(ConfigurationError, match="no name"):
        github_stats.plan("r")


def test_a_run_brings_the_ground_truth(served_by, dialect):
    counts = drive(github_stats, "r", NAME, "acme/other")

    wanted = truth.repositories(7, "2026-01-15", [NAME, "acme/other"])
    assert rows() == sorted(wanted, key=lambda row: row["repository_id"])
    assert counts == Balance(extracted=2, loaded=2, quarantined=0, superseded=0)


def test_a_second_run_costs_nothing_of_the_limit_and_still_writes_its_row(served_by, configure):
    configure(GITHUB_TOKEN="t")
    client.set_limits(served_by.url, github_per_hour=2)
    drive(github_stats, "r", NAME)
    warehouse.empty()
    drive(github_stats, "s", NAME)

    assert statuses(served_by) == [200, 304]
    assert rows() == truth.repositories(7, "2026-01-15", [NAME])
    github_stats.extract("t", "acme/second")
    with pytest.raises(RateLimitedError, match="API rate limit exceeded"):
        github_stats.extract("t", "acme/third")


def test_a_renamed_repository_keeps_its_id(served_by):
    drive(github_stats, "r", "acme/renamed-rocket")
    drive(github_stats, "s", NAME)

    assert statuses(served_by) == [301, 200, 200]
    assert rows() == truth.repositories(7, "2026-01-15", [NAME])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("acme/missing-one", "not found: private, gone or misspelt"),
        ("acme/blocked-one", "blocked for legal reasons"),
    ],
)
def test_a_repository_that_cannot_be_had_is_quarantined_with_the_reason(served_by, name, words):
    counts = drive(github_stats, "r", name)
    (aside,) = warehouse.rows(QUARANTINE)

    assert (rows(), aside["reason"], aside["key"]) == ([], words, name)
    assert orjson.loads(aside["record"])["asked"] == name
    assert counts == Balance(extracted=1, loaded=0, quarantined=1, superseded=0)


def test_a_repository_is_described_in_the_lines_of_the_reports(served_by):
    drive(github_stats, "r", NAME, "acme/missing-one")
    (row,) = rows()

    assert github_stats.describe("r", NAME) == (
        f"acme/rocket repository statistics\nStars: {row['stars']}\nForks: {row['forks']}"
    )
    assert github_stats.describe("r", "acme/missing-one") == (
        "acme/missing-one: not found: private, gone or misspelt"
    )


def test_what_github_may_leave_empty_is_null():
    made, aside = normalised(language=None, license=None, subscribers_count="GONE")

    assert made == [("2026-01-15", 1, "acme/rocket", 10, 3, 4, None, False, None, None)]
    assert aside == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"id": "GONE"}, "id: Field required"),
        ({"id": 2**63}, "id: Input should be less than 1000000000000000000"),
        ({"stargazers_count": "many"}, "stargazers_count: Input should be a valid integer"),
        ({"stargazers_count": 10**18}, "stargazers_count: Input should be less than"),
        ({"forks_count": -1}, "forks_count: Input should be greater than or equal to 0"),
        ({"forks_count": 1.5}, "forks_count: Input should be a valid integer"),
        ({"open_issues_count": None}, "open_issues_count: "),
        ({"full_name": ["a", "b"]}, "full_name: Input should be a valid string"),
        ({"full_name": "a"}, "full_name: String should match pattern"),
        ({"language": "G\x00"}, "language: String should match pattern"),
        ({"license": {"spdx_id": "M\x00"}}, "license.spdx_id: String should match pattern"),
        ({"license": "MIT"}, "license: Input should be a valid dictionary"),
    ],
)
def test_an_answer_of_another_form_is_quarantined_with_the_reason(fields, words):
    made, aside = normalised(**fields)

    assert made == []
    assert words in aside[0][1]


def test_what_is_quarantined_can_be_stored(dialect):
    _, aside = normalised(language="G\x00", full_name="\N{CRAB}")
    with warehouse.batch("github_stats", "r", NAME, extracted=1, superseded=0) as batch:
        batch.quarantine(warehouse.Quarantined(*q) for q in aside)

    (stored,) = warehouse.rows(QUARANTINE)
    assert orjson.loads(stored["record"])["body"]["language"] == "G\x00"


def test_a_repository_that_vanished_from_the_plan_is_noticed(served_by):
    drive(github_stats, "r", NAME)

    with pytest.raises(IncompleteError, match="nothing was loaded for acme/other"):
        github_stats.summarise("r", [NAME, "acme/other"])
