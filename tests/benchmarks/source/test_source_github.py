import time
from email.utils import parsedate_to_datetime

from benchmarks.source import client


def test_a_repository_has_the_fields_of_the_documentation(repo):
    body = repo("acme/demo").json()

    assert body["full_name"] == "acme/demo"
    assert {"id", "node_id", "owner", "license", "pushed_at", "default_branch"} <= body.keys()
    assert all(type(body[n]) is int for n in ("id", "stargazers_count", "forks_count"))


def test_watchers_count_repeats_the_stars_and_subscribers_count_does_not(repo):
    body = repo("acme/demo").json()

    assert body["watchers_count"] == body["watchers"] == body["stargazers_count"]
    assert body["subscribers_count"] != body["stargazers_count"]


def test_license_description_language_and_homepage_may_be_null(repo):
    bodies = [repo(f"acme/r{n}").json() for n in range(40)]

    for name in ("license", "description", "language", "homepage"):
        assert None in [body[name] for body in bodies], name
        assert any(body[name] is not None for body in bodies), name


def test_permissions_are_told_only_with_authorization(repo):
    assert "permissions" not in repo("acme/demo").json()
    assert "permissions" in repo("acme/demo", Authorization="Bearer t").json()


def test_the_headers_tell_the_limit_and_its_reset_in_epoch_seconds(repo):
    headers = repo("acme/demo").headers

    assert headers["x-ratelimit-limit"] == "60"
    assert headers["x-ratelimit-resource"] == "core"
    assert int(headers["x-ratelimit-remaining"]) + int(headers["x-ratelimit-used"]) == 60
    assert 0 < int(headers["x-ratelimit-reset"]) - time.time() <= 3600
    assert headers["x-github-request-id"]
    assert parsedate_to_datetime(headers["last-modified"])
    assert repo("acme/demo", Authorization="Bearer t").headers["x-ratelimit-limit"] == "5000"


def test_an_etag_that_still_fits_gives_304_without_a_body(repo):
    etag = repo("acme/demo").headers["etag"]
    again = repo("acme/demo", **{"If-None-Match": etag})

    assert etag.startswith('W/"')
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == etag
    assert repo("acme/demo", **{"If-None-Match": 'W/"other"'}).status_code == 200


def test_a_304_with_authorization_is_not_counted(repo):
    first = repo("acme/demo", Authorization="Bearer t")
    tagged = {"Authorization": "Bearer t", "If-None-Match": first.headers["etag"]}
    repo("acme/demo", **tagged)

    used = repo("acme/demo", Authorization="Bearer t").headers["x-ratelimit-used"]

    assert int(used) == int(first.headers["x-ratelimit-used"]) + 1


def test_the_primary_limit_leaves_nothing_until_a_reset(source_url, repo):
    client.set_limits(source_url, github_per_hour=2)
    refused = [repo("acme/demo") for _ in range(3)][-1]

    assert refused.status_code == 403
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert int(refused.headers["x-ratelimit-reset"]) > time.time()
    assert "API rate limit exceeded" in refused.json()["message"]


def test_without_a_user_agent_a_request_is_forbidden(repo):
    refused = repo("acme/demo", **{"User-Agent": ""})

    assert refused.status_code == 403
    assert "User-Agent" in refused.text


def test_a_missing_repository_is_not_found(repo):
    assert (repo("acme/missing-one").status_code, repo("acme/missing").status_code) == (404, 404)
    assert repo("acme/missing-one").json()["message"] == "Not Found"


def test_a_blocked_repository_is_451(repo):
    refused = repo("acme/blocked-one")

    assert refused.status_code == 451
    assert refused.json()["block"]["reason"] == "dmca"


def test_a_renamed_repository_leads_by_its_id_to_the_new_name(repo, get, source_url):
    moved = repo("acme/renamed-anvil")
    target = moved.headers["location"]
    found = get(target.removeprefix(source_url)).json()

    assert moved.status_code == 301
    assert found["full_name"] == "acme/anvil"
    assert found["id"] == repo("acme/anvil").json()["id"] == int(target.rpartition("/")[2])


def test_a_name_means_the_same_repository_in_any_case(repo):
    assert repo("Acme/Demo").json()["id"] == repo("acme/demo").json()["id"]
