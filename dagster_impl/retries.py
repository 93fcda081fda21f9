"""When a step is tried again: 3 times after 1 second, after a rate limit's end, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from shared.http import FINAL, RateLimitedError

RETRIES = dg.RetryPolicy(max_retries=3, delay=1)


@contextmanager
def source_errors() -> Iterator[None]:
    """Say of an error in Dagster's words whether, and when, another try is worth it.

    Everything else is left to the retry policy. Both kinds of retry count as attempts of the step,
    so that a rate limit between two time-outs does not add a try.
    """
    try:
        yield
    except FINAL as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    except RateLimitedError as error:
        # The executor waits, not the step: with a process a step, none is held meanwhile.
        raise dg.RetryRequested(RETRIES.max_retries, seconds_to_wait=error.wait_s()) from error
