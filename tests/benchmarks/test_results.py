import threading
from dataclasses import asdict, replace
from pathlib import Path

import orjson
import pytest

from benchmarks import results
from benchmarks.model import Finding, Ledger, Outcome, Result, Setting, Truth, Verdict

LEDGER = asdict(Ledger(10, 10, 0, 0, 0, 1, True, "5a5a", 3))
SETTING = asdict(Setting("loop", "0.1", "1", "sooner"))
ENVIRONMENT = {
    "host": "made-up", "cpu": None, "cores_count": 2, "memory_mb": 4096, "os": "Linux",
    "python": "3.11.7", "commit": None, "load_1m": 0.5, "metadata": None, "warehouse": "sqlite",
    "settings": [], "needed": [], "command_campaign": None,
}  # fmt: skip
GOOD = Result(
    schema=1, campaign="c", engine="airflow", version="3.3.2", mode="local", variant="default",
    pipeline="complaints", workload="small", scenario="calm", trial=1, warmup=False,
    started="2026-11-22T09:14:05Z", outcome=Outcome.UNHARMED, truth=Truth.TRUE_SUCCESS,
    measures={"makespan_s": 2.5, "cpu_s": None}, ledger=LEDGER,
    findings=(Finding("complete", Verdict.PASS, ""),), journal="journals/one.jsonl",
    environment=ENVIRONMENT, seed=7, command="bench run",
)  # fmt: skip
BROKEN = replace(
    GOOD, outcome=Outcome.ERROR, truth=None, ledger=None, journal="", version="", error="no port",
    trial=2, measures={"makespan_s": None},
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "journals").mkdir()
    (tmp_path / "journals" / "one.jsonl").touch()
    return tmp_path


def test_what_is_appended_is_read_back(folder):
    results.append(folder, GOOD)
    results.append(folder, BROKEN)

    assert results.read(folder) == [GOOD, BROKEN]
    assert results.problems(folder) == []


def test_what_does_not_apply_is_null(folder):
    results.append(folder, BROKEN)

    row = orjson.loads((folder / results.LINES).read_bytes())
    assert [row[name] for name in ("truth", "ledger", "journal", "version")] == [None] * 4
    assert orjson.loads(orjson.dumps(results.row_of(GOOD)))["error"] is None


def test_many_writers_leave_whole_lines(folder):
    writers = [
        threading.Thread(target=results.append, args=(folder, replace(GOOD, trial=number)))
        for number in range(1, 33)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert sorted(it.trial for it in results.read(folder)) == list(range(1, 33))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"measures": {"makespan": 1.0}}, "makespan"),
        ({"measures": {"makespan_s": "fast"}}, "measures.makespan_s"),
        ({"engine": "cron"}, "engine"),
        ({"trial": 0}, "trial"),
        ({"started": "yesterday"}, "started"),
        ({"environment": {}}, "environment"),
        ({"ledger": {"expected": 1}}, "ledger"),
        ({"command": ""}, "command"),
    ],
)
def test_a_line_that_does_not_validate_is_not_written(folder, change, told):
    with pytest.raises(ValueError, match=told):
        results.append(folder, replace(GOOD, **change))

    assert not (folder / results.LINES).exists()


def test_a_number_that_is_none_becomes_null(folder):
    results.append(folder, replace(GOOD, measures={"makespan_s": float("nan")}))

    assert results.read(folder)[0].measures == {"makespan_s": None}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"measures": {"detect_s": 1.0}}, "a calm trial has none"),
        ({"measures": {"makespan_s": -1.0}}, "negative"),
        ({"journal": "journals/two.jsonl"}, "journals/two.jsonl is missing"),
        ({"journal": ""}, "no journal"),
        ({"journal": "../else.jsonl"}, "outside"),
        ({"error": "why"}, "go together"),
        ({"outcome": Outcome.ERROR}, "go together"),
        ({"truth": None}, "no truth"),
        ({"outcome": Outcome.STUCK}, "contradict"),
        ({"ledger": LEDGER | {"lost": 1}}, "not complete"),
        ({"ledger": LEDGER | {"balance": False}}, "not complete"),
        ({"truth": Truth.FALSE_SUCCESS}, "is complete"),
        ({"environment": ENVIRONMENT | {"settings": [SETTING]}}, "variant is default"),
    ],
)
def test_a_problem_that_no_schema_can_see_is_one_sentence(folder, change, told):
    results.append(folder, replace(GOOD, **change))

    (problem,) = results.problems(folder)
    assert told in problem and problem.startswith("results.jsonl, line 1: ")


def test_a_trial_that_stands_twice_is_a_problem(folder):
    results.append(folder, GOOD)
    results.append(folder, GOOD)

    assert results.problems(folder) == [
        "results.jsonl, line 2: it is the same trial as results.jsonl, line 1."
    ]


def test_a_trial_that_broke_may_be_done_again(folder):
    results.append(folder, BROKEN)
    results.append(folder, replace(GOOD, trial=BROKEN.trial))

    assert results.problems(folder) == []


def test_a_warm_up_is_not_the_trial_of_the_same_number(folder):
    results.append(folder, replace(GOOD, warmup=True))
    results.append(folder, GOOD)

    assert results.problems(folder) == []


def test_a_torn_line_is_a_problem_and_cannot_be_read_once_another_follows(folder):
    results.append(folder, GOOD)
    with (folder / results.LINES).open("ab") as file:
        file.write(b'{"schema": 1, "cam')

    assert results.read(folder) == [GOOD]  # another bench may be writing it
    assert results.count(folder) == 1
    assert results.count(folder / "journals") == 0
    results.append(folder, BROKEN)
    assert results.problems(folder) == ["results.jsonl, line 2: it is not JSON."]
    with pytest.raises(ValueError, match="line 2"):
        results.read(folder)


def test_a_file_that_has_grown_large_is_followed_by_another(folder, monkeypatch):
    monkeypatch.setattr(results, "PART_BYTES", 1)
    rows = [replace(GOOD, trial=n) for n in range(1, 13)]
    for row in rows:
        results.append(folder, row)
    results.append(folder, GOOD)

    names = [file.name for file in results.parts(folder)]
    assert names == ["results.jsonl", *(f"results-{n}.jsonl" for n in range(2, 14))]
    assert results.read(folder) == [*rows, GOOD]
    assert results.count(folder) == 13
    assert results.problems(folder) == [
        "results-13.jsonl, line 1: it is the same trial as results.jsonl, line 1."
    ]


def test_a_line_of_another_schema_is_a_problem(folder):
    (folder / results.LINES).write_bytes(orjson.dumps(results.row_of(GOOD) | {"schema": 2}) + b"\n")

    assert results.problems(folder) == ["results.jsonl, line 1: schema: 1 was expected."]


def test_a_folder_without_results_says_so(tmp_path):
    assert results.problems(tmp_path) == ["results.jsonl is missing."]


CAUGHT = replace(
    GOOD, engine="known-bad", mode="swallows-errors", truth=Truth.FALSE_SUCCESS,
    ledger=LEDGER | {"lost": 1}, findings=(Finding("caught", Verdict.PASS, "by truthful"),),
)  # fmt: skip
NOT_CAUGHT = replace(CAUGHT, findings=(Finding("caught", Verdict.FAIL, "truthful says pass"),))


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "it was not run"),
        ([NOT_CAUGHT], "truthful says pass"),
        ([replace(CAUGHT, findings=())], "nothing says that it was"),
        ([replace(BROKEN, engine="known-bad", mode="swallows-errors")], "no port"),
    ],
)
def test_results_whose_known_bad_pipeline_was_not_caught_are_refused(folder, rows, why):
    (folder / results.PLAN).write_bytes(orjson.dumps({"known_bad": ["swallows-errors"]}))
    for row in [GOOD, *rows]:
        results.append(folder, row)

    refused = "The results are refused: the known-bad pipeline swallows-errors was not caught"
    assert results.problems(folder) == [f"{refused}: {why}."]


@pytest.mark.parametrize("plan", [{"known_bad": ["swallows-errors"]}, {}, None])
def test_results_whose_known_bad_pipeline_was_caught_are_not_refused(folder, plan):
    if plan is not None:
        (folder / results.PLAN).write_bytes(orjson.dumps(plan))
    results.append(folder, replace(NOT_CAUGHT, outcome=Outcome.ERROR, truth=None, error="no port"))
    results.append(folder, CAUGHT)

    assert results.problems(folder) == []


def test_results_of_before_there_were_known_bad_pipelines_are_not_refused(folder):
    (folder / results.PLAN).write_bytes(orjson.dumps({"campaign": "old"}))
    results.append(folder, GOOD)

    assert results.problems(folder) == []


def test_what_checked_the_checks_is_in_no_figure():
    assert results.counted([GOOD, CAUGHT]) == [GOOD]


@pytest.mark.parametrize("name", ["written", "wasted", "recovered", "late"])
def test_what_the_shadow_table_tells_may_be_missing_and_is_never_negative(folder, name):
    results.append(folder, replace(GOOD, ledger=LEDGER | {name: None}))

    with pytest.raises(ValueError, match=name):
        results.append(folder, replace(GOOD, ledger=LEDGER | {name: -1}))


def test_a_new_folder_never_meets_an_old_one(tmp_path):
    made = [results.new_folder(tmp_path, "my host/1") for _ in range(3)]

    assert len(set(made)) == 3
    assert all(it.parent == tmp_path / "results" and (it / "journals").is_dir() for it in made)
    assert "my-host-1" in made[0].name


def test_latest_is_a_relative_link_to_the_last_folder(tmp_path):
    for _ in range(2):
        folder = results.new_folder(tmp_path, "h")
        results.point_latest(tmp_path, folder)

    link = tmp_path / "results" / "latest"
    assert link.resolve() == folder.resolve()
    assert not link.readlink().is_absolute()


def other_folder(folder, name, *told):
    """Return another folder, with the same kept files and these trials."""
    other = folder / name
    (other / "journals").mkdir(parents=True)
    (other / "journals" / "one.jsonl").touch()
    for it in told:
        results.append(other, replace(it, campaign=name))
    return other


def test_a_report_of_several_folders_takes_a_workload_from_the_first_that_has_it(folder):
    later, warm = replace(GOOD, trial=2), replace(GOOD, workload="1-noop", warmup=True)
    log = {"log": "logs/trials/x.log.gz", "journals": ["journals/one.jsonl"]}
    fault = replace(GOOD, scenario="hung", environment={**ENVIRONMENT, **log})
    new = replace(GOOD, variant="tuned", workload="large")
    first = other_folder(folder, "first", GOOD, warm)
    second = other_folder(folder, "second", later, new, fault, warm, replace(warm, variant="tuned"))

    found = results.gathered(first, [second])

    told = [(it.campaign, it.variant, it.workload, it.scenario, it.warmup) for it in found]
    assert told == [
        ("first", "default", "small", "calm", False),
        ("first", "default", "1-noop", "calm", True),
        ("second", "tuned", "large", "calm", False),
        ("second", "default", "small", "hung", False),
        ("second", "tuned", "1-noop", "calm", True),
    ]
    kept = found[3]
    assert kept.environment["log"] == "../second/logs/trials/x.log.gz"
    assert kept.environment["journals"] == ["../second/journals/one.jsonl"]
    assert (first / kept.journal).is_file()


def test_campaigns_of_different_versions_go_into_no_report_together(folder):
    first = other_folder(folder, "first", GOOD)
    second = other_folder(folder, "second", replace(GOOD, version="3.4.0", workload="large"))

    with pytest.raises(ValueError, match="second was measured with airflow 3.4.0, and not with"):
        results.gathered(first, [second])


def test_the_hosts_speed_is_that_of_calm_trials_that_ran_alone():
    def made(scenario, probe_ms, **more):
        noise = {"probe_ms": probe_ms, "steal_share": 0.0, "load_1m": 0.0}
        return replace(GOOD, scenario=scenario, environment={"noise": noise, **more})

    trials = [
        made("calm", 4.0), made("calm", 4.1, beside=0), made("calm", 9.0, beside=2),
        made("source-503", 8.0), replace(GOOD, environment={}),
    ]  # fmt: skip
    assert results.probes_ms(trials) == [4.0, 4.1]
