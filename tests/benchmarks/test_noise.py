"""A slow or a stolen machine is noticed; a usual one is not."""

from __future__ import annotations

import pytest

from benchmarks.noise import Noise, Watch, disturbed

USUAL_MS = [5.0, 5.1, 4.9, 5.2]


@pytest.mark.parametrize(
    ("noise", "words"),
    [
        (Noise(5.3, 0.0, 2.0), ""),
        (Noise(10.0, 0.0, 0.5), "2.0 times slower than usual"),
        (Noise(5.0, 0.2, 0.5), "20% of the processors' time was stolen"),
    ],
)
def test_what_disturbed_a_trial_is_said(noise, words):
    assert (words in disturbed(noise, USUAL_MS)) if words else disturbed(noise, USUAL_MS) == ""


def test_a_watch_reads_the_host():
    noise = Watch().noise()

    assert noise.probe_ms > 0 and 0 <= noise.steal_share <= 1 and noise.load_1m >= 0


def test_where_no_trial_was_calm_only_what_was_stolen_is_known():
    assert disturbed(Noise(probe_ms=99.0, steal_share=0.0, load_1m=1.0), []) == ""
    assert "stolen" in disturbed(Noise(probe_ms=1.0, steal_share=0.5, load_1m=1.0), [])
