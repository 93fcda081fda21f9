"""What is asked of an engine when a run has ended, and what is made of an answer that is none."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from benchmarks import hearing
from benchmarks.model import State, Told, Verdict
from benchmarks.orchestrators.services import ROOT, portable
from benchmarks.workloads import chain, fib_40_10


@dataclass
class Engine:
    """Answers with what it is given, one answer a question; the last one for good."""

    spans: list = field(default_factory=lambda: [8.5])
    words: object = "the task said no"
    asked: int = 0

    def span_s(self, handle, steps):
        self.asked += 1
        answer = self.spans.pop(0) if len(self.spans) > 1 else self.spans[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def why(self, handle):
        if isinstance(self.words, Exception):
            raise self.words
        return self.words

    def steps_done(self, handle):
        return self.span_s(handle, 0)

    def history(self, handle):
        return f"in {ROOT}/x: pending, running"


def hear(engine, workload=fib_40_10(), state=State.SUCCEEDED):  # noqa: B008
    return hearing.hear(engine, "handle", workload, state)


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(hearing, "POLL_S", 0.001)


def test_the_span_of_a_published_flow_is_asked_for():
    assert hear(Engine()) == Told(span_s=8.5)


def test_of_other_workloads_the_engine_is_asked_nothing():
    engine = Engine()

    assert hear(engine, chain(5)) == Told()
    assert engine.asked == 0


def test_what_is_kept_names_no_place_of_the_machine(monkeypatch):
    said = f"{ROOT}/shared/x.py, {Path.home()}/python/y.py"

    assert portable(said) == "shared/x.py, ~/python/y.py"
    monkeypatch.setattr(Path, "home", lambda: Path("/"))
    assert portable("http://127.0.0.1/a") == "http://127.0.0.1/a"


def test_of_a_run_that_was_hit_it_is_asked_how_it_went():
    engine = Engine(spans=[3, 4, 5])
    told = hearing.hear(engine, "handle", chain(5), State.SUCCEEDED, hurt=True, steps=5)

    assert told.history == "in x: pending, running"
    assert told.steps is not None
    assert (told.steps.in_time, told.steps.at_last) == (5, 5)


def test_a_run_that_failed_is_not_asked_for_steps_that_it_need_not_have():
    engine = Engine()

    assert hearing.hear(engine, "handle", chain(5), State.FAILED, hurt=True, steps=5).steps is None
    assert engine.asked == 0


def test_a_store_that_does_not_answer_at_once_is_asked_again():
    engine = Engine(spans=[requests.ConnectionError("not yet"), 3, 5])

    assert hearing.settled_steps(engine, "handle", 5)[:2] == (5, 5)


def test_what_a_store_has_late_is_told_from_what_it_has_in_time():
    engine = Engine(spans=[4, 5])

    assert hearing.settled_steps(engine, "handle", 5, settle_s=-1)[:2] == (None, 5)


def test_a_store_that_lacks_a_step_for_good_says_how_many_it_has():
    stored = hearing.settled_steps(Engine(spans=[4]), "handle", 5, late_s=0)

    assert stored[:2] == (4, 4)


@pytest.mark.parametrize(
    "answer", [LookupError("nobody keeps it"), requests.ConnectionError("no answer")]
)
def test_a_store_that_never_answers_says_nothing(answer):
    assert hearing.settled_steps(Engine(spans=[answer]), "handle", 5, late_s=0) is None


def test_a_store_that_does_not_know_every_end_yet_is_asked_again():
    engine = Engine(spans=[None, None, 3.0])

    assert hear(engine) == Told(span_s=3.0)
    assert engine.asked == 3


def test_a_store_that_never_knows_is_a_reason():
    with pytest.raises(LookupError, match="did not know the end of 40 steps"):
        hearing.settled_span_s(Engine(spans=[None]), "handle", 40, timeout_s=0.01)


@pytest.mark.parametrize(
    "error", [LookupError("nobody keeps it"), requests.ConnectionError("nobody keeps it")]
)
def test_an_engine_that_does_not_say_is_null_with_the_reason(error):
    told = hear(Engine(spans=[error]))

    assert (told.span_s, told.no_span) == (None, "nobody keeps it")
    (found,) = hearing.findings(told)
    assert (found.check, found.verdict, found.reason) == (
        "engine_span_s", Verdict.UNKNOWN, "nobody keeps it",
    )  # fmt: skip


@pytest.mark.parametrize("state", [State.FAILED, State.RUNNING])
def test_a_run_that_did_not_succeed_is_told_in_the_engines_words(state):
    told = hear(Engine(words=f"in {ROOT}/shared/synthetic.py:\n  too  large"), state=state)

    assert told == Told(why="in shared/synthetic.py: too large")


def test_of_many_words_the_last_are_kept():
    told = hear(Engine(words="a" * 5000 + " the cause"), state=State.FAILED)

    assert len(told.why) == hearing.WORDS and told.why.endswith("the cause")


def test_an_engine_that_is_gone_has_no_words_and_that_is_said():
    told = hear(Engine(words=requests.ConnectionError("refused")), state=State.FAILED)

    assert told.why == "its API did not answer: refused"
