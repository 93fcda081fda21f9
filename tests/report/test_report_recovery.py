"""The recovery matrix: at a glance, why, when promised, and how long an outage may be."""

from dataclasses import replace

import pytest

from benchmarks import evidence, results
from benchmarks.model import ENGINE_SAYS, Finding, Outcome, Truth, Verdict
from benchmarks.orchestrators.services import ROOT
from benchmarks.report import (
    explanations,
    facts,
    headline,
    outages,
    page,
    promises,
    recovery,
    reported,
)
from benchmarks.scenarios import SCENARIOS
from tests.report import made_up

SAID = "10:00:01 | Process for flow run 'a' exited with status code: -9; reported as crashed"
LACKING = {"host-killed": {"bare/local/default": "it has no services <of its own>"}}


def trial(engine, variant, scenario, number=1, **changes):
    made = made_up.result(engine, variant, "complaints", scenario, number)
    own = {**made.environment, **changes.pop("environment", {})}
    return replace(made, environment=own, **changes)


def hit(engine, variant, scenario, outcome=Outcome.SELF_HEALED, detect_s=None, **changes):
    measures = {"detect_s": detect_s, "recover_s": 9.0, "truth_s": 9.0}
    return trial(engine, variant, scenario, outcome=outcome, measures=measures, **changes)


def setting(name, value):
    return {
        "name": name,
        "value": value,
        "default": "",
        "reason": "recovery",
        "source": "https://x",
    }


def outage(variant, seconds, verdict, number=1):
    reasons = {Verdict.FAIL: "it was started again", Verdict.UNKNOWN: "a time-out came first"}
    finding = Finding("survived", verdict, reasons.get(verdict, ""))
    name = f"control-down-{seconds}-s"
    return trial("airflow", variant, name, number, findings=(finding,))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "journals").mkdir()
    log = evidence.keep(tmp_path, "one", f"worker.log\n{SAID}")
    resumed = {"outcome": Outcome.RESUMED, "environment": {"log": log}}
    settings = [
        setting("scheduler.scheduler_health_check_threshold", "5"),
        setting("scheduler.orphaned_tasks_check_interval", "2"),
    ]
    told = [
        trial("bare", "default", "calm"),
        hit("prefect", "default", "killed-after-commit", **resumed),
        hit("dagster", "default", "killed-after-commit", Outcome.STUCK, truth=Truth.LIMBO),
        hit("airflow", "default", "host-killed", detect_s=250.0),
        hit("airflow", "tuned", "host-killed", detect_s=29.0, environment={"settings": settings}),
        outage("default", 15, Verdict.PASS),
        outage("default", 300, Verdict.FAIL),
        outage("default", 300, Verdict.PASS, number=2),
        outage("default", 60, Verdict.UNKNOWN),
    ]
    for it in told:
        (tmp_path / it.journal).touch()
        results.append(tmp_path, it)
    results.save_lacking(tmp_path, LACKING)
    return tmp_path


@pytest.fixture
def campaign(folder):
    return facts.campaign(results.read(folder))


def cell(campaign, title, scenario, lacking=None):
    row = next(it for it in recovery.matrix(campaign, lacking) if it.name == scenario)
    return next(it for it in row.cells if it.cell.setup.title == title)


def test_setups_that_nothing_was_done_to_have_no_column(campaign):
    titles = [it.title for it in recovery.hurt(campaign)]

    assert titles == ["airflow default", "airflow tuned", "prefect default", "dagster default"]


def test_rows_are_grouped_by_what_is_hit_and_keep_what_nobody_knows(campaign):
    rows = recovery.matrix(campaign)
    groups = dict(recovery.grouped([*rows, replace(rows[0], name="of an older bench")]))

    assert list(groups) == ["task", "control", recovery.OTHERS]
    names = [row.name for row in groups["control"]]
    assert names == [it for it in SCENARIOS if it in names]  # the order of `bench list`


def test_rows_stand_in_the_order_of_bench_list_whatever_was_done_first():
    names = list(SCENARIOS)[1:6]
    told = [hit("prefect", "tuned", it) for it in ["of an older bench", *reversed(names)]]

    rows = recovery.matrix(facts.campaign(told))
    assert [row.name for row in rows] == [*names, "of an older bench"]


def test_a_cell_that_cannot_be_says_why(campaign):
    lacking = {"host-killed": {"prefect/local/default": "it has none"}}
    told = cell(campaign, "prefect default", "host-killed", lacking)

    assert told.missing.word == "unsupported"
    assert told.notes == ("it has none",)
    assert cell(campaign, "dagster default", "host-killed", lacking).missing.word == "not measured"


def test_a_sentence_is_said_only_where_the_log_of_the_trial_holds_it(folder, campaign):
    (known,) = explanations.explained(
        folder, cell(campaign, "prefect default", "killed-after-commit").cell
    )
    (unknown,) = explanations.explained(
        folder, cell(campaign, "dagster default", "killed-after-commit").cell
    )
    healed = cell(campaign, "airflow tuned", "host-killed").cell

    assert known.quote == SAID
    assert known.says.startswith("The step is a call in the flow run's process")
    assert not unknown.says
    assert explanations.explained(folder, healed) == []


def test_what_the_engines_api_said_counts_as_its_log(tmp_path):
    said = (Finding(ENGINE_SAYS, Verdict.PASS, f"Crashed\n{SAID}"),)
    one = hit("prefect", "default", "killed-after-commit", Outcome.RESUMED, findings=said)
    only = facts.campaign([one])
    (found,) = explanations.explained(
        tmp_path, cell(only, "prefect default", "killed-after-commit").cell
    )

    assert found.quote == SAID


def test_a_sentence_stands_once_in_a_cell_with_the_words_of_the_first_log(tmp_path):
    told = [
        hit("prefect", "default", "killed-after-commit", Outcome.RESUMED, number=number,
            findings=(Finding(ENGINE_SAYS, Verdict.PASS, f"{number} {SAID}"),))
        for number in (1, 2, 3)
    ]  # fmt: skip
    (found,) = explanations.explained(
        tmp_path, cell(facts.campaign(told), "prefect default", "killed-after-commit").cell
    )

    assert found.quote == f"1 {SAID}"


def test_a_check_that_was_not_passed_is_explained_by_what_it_found(tmp_path):
    mixed = (Finding("one_release", Verdict.FAIL, "release 1: extract a; release 2: load a"),)
    one = hit("airflow", "tuned", "redeployed-new-code", Outcome.UNHARMED, findings=mixed)
    other = replace(one, engine="dagster", mode="multiprocess")
    only = facts.campaign([one, other])
    known, unknown = (
        explanations.explained(tmp_path, cell(only, it, "redeployed-new-code").cell)
        for it in ("airflow tuned", "dagster tuned")
    )

    assert [it.quote for it in known] == ["release 1: extract a; release 2: load a"]
    assert [it.says for it in unknown] == [""]


@pytest.mark.parametrize(("more", "said"), [("", True), ("EngineEvent  Retrying the run", False)])
def test_a_sentence_is_not_said_where_the_log_speaks_against_it(tmp_path, more, said):
    failed = "RunFailureEvent  This job is being forcibly marked as failed."
    log = evidence.keep(tmp_path, "one", f"{failed}\n{more}")
    one = hit("dagster", "tuned", "power-lost", Outcome.RESUMED, environment={"log": log})
    only = facts.campaign([one])
    (found,) = explanations.explained(tmp_path, cell(only, "dagster tuned", "power-lost").cell)

    assert bool(found.says) is said


@pytest.mark.parametrize("entry", [*explanations.known(), *promises.known(), *reported.known()])
def test_every_entry_is_about_scenarios_that_there_are_and_names_its_source(entry):
    assert set(entry.scenarios) <= set(SCENARIOS)
    assert entry.source
    assert entry.says


def test_a_run_that_must_fail_and_says_so_is_right_and_needs_no_explanation(tmp_path):
    failed = {"outcome": Outcome.GAVE_UP, "truth": Truth.TRUE_FAILURE}
    told = [trial("airflow", "tuned", it, **failed) for it in ("youtube-quota", "source-503")]
    only = facts.campaign(told)
    right, wrong = (cell(only, "airflow tuned", it.scenario) for it in told)

    assert (right.tone, right.endings[0].outcome.word) == ("good", "failed, as it must")
    assert wrong.tone == "bad"
    assert explanations.explained(tmp_path, right.cell) == []
    assert explanations.explained(tmp_path, wrong.cell) != []
    (said,) = (it.text for it in headline.facts(only) if "fault trials" in it.text)
    assert "said so in 1 of 2 fault trials: 1 gave up, 1 failed, as it must" in said


def test_a_promise_is_the_sum_of_the_settings_as_the_setup_has_them(campaign):
    kept = {it.told.cell.setup.title: it for it in promises.kept(recovery.matrix(campaign))}

    assert kept["airflow default"].promised_s == 30 + 300
    assert not kept["airflow default"].late
    late = kept["airflow tuned"]
    assert late.promised_s == 5 + 2
    assert late.late
    assert not replace(late, measured_s=late.promised_s + promises.SLACK_S).late


def test_what_is_off_as_shipped_promises_nothing_until_it_is_set():
    promise = next(it for it in promises.known() if it.engine == "prefect")
    on = {"settings": [setting("automation `crash zombies`", "no heartbeat for 90 s: Crashed")]}

    assert promise.seconds(hit("prefect", "default", "host-killed")) is None
    assert promise.seconds(hit("prefect", "default", "host-killed", environment=on)) == 90 + 5


STORED = """== what the engine has stored
run a: FAILURE
10:00:01 RunFailureEvent
{} ExecutionStepSuccessEvent load_day
run b: SUCCESS
10:00:09 ExecutionStepSuccessEvent load_day
"""


@pytest.mark.parametrize(
    ("stored", "word"),
    [(STORED.format("10:00:02"), "seen"), (STORED.replace("{} Exec", "10:00:02 Mat"), "not seen")],
)
def test_what_was_reported_before_is_seen_where_all_that_it_says_holds(tmp_path, stored, word):
    log = evidence.keep(tmp_path, "one", stored)
    one = hit("dagster", "default", "supervisor-killed", environment={"log": log})
    other = hit("airflow", "default", "supervisor-killed", environment={"log": log})
    matrix = recovery.matrix(facts.campaign([one, other]))
    found = {it.report.says[:28]: it for it in reported.answers(tmp_path, matrix, ["dagster"])}

    assert {it.report.engine for it in found.values()} == {"dagster"}
    assert found["A step that outlives its run"].mark.word == word
    assert found["A step that outlives its run"].count == 1
    assert found["A run is Started for ever wh"].mark.word == "not measured"


@pytest.mark.parametrize(
    ("verdict", "truth", "seen"),
    [
        (Verdict.FAIL, Truth.TRUE_SUCCESS, ["A task is given to a second "]),
        (Verdict.PASS, Truth.TRUE_SUCCESS, []),
    ],
)
def test_a_report_about_a_check_is_seen_where_that_was_not_passed(tmp_path, verdict, truth, seen):
    told = (Finding("fenced", verdict), Finding("landed", Verdict.PASS))
    one = hit("airflow", "default", "host-left", findings=told, truth=truth)
    matrix = recovery.matrix(facts.campaign([one]))
    found = reported.answers(tmp_path, matrix, ["airflow"])

    assert [it.report.says[:28] for it in found if it.seen] == seen


def test_of_an_outage_the_share_of_steps_is_counted_that_were_not_left_alone(campaign):
    of_long = (it for it in campaign.cells.values() if it.scenario == "control-down-300-s")
    told = explanations.Explained("Its retries were used up.", "", "line")
    why = {next(of_long).anchor: [told]}
    found = outages.outages(campaign, why)

    counted = [(it.seconds, it.killed, it.count) for it in found]
    assert counted == [(15, 0, 1), (60, 0, 0), (300, 1, 2)]
    assert [it.why for it in found] == [
        (), ("cannot be told in 1 of 1: a time-out came first",), ("Its retries were used up.",),
    ]  # fmt: skip
    assert [it.share for it in found if it.count] == [0, 0.5]
    assert "300 s 50 %" in outages.chart(found)
    assert outages.chart(found[:1]) == ""


def test_all_of_it_stands_in_both_files(folder):
    page.build(folder, ROOT)
    html, markdown = ((folder / name).read_text() for name in ("report.html", "report.md"))

    for text in (html, markdown):
        assert "The step is a call in the flow run" in text
        assert "Process for flow run" in text
        assert "not explained: nothing known was found in its log" in text
        assert "Noticed when promised?" in text
        assert "1 of 2" in text
        assert "it was started again" in text
    assert "<of its own>" not in html
