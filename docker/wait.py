"""Wait until a URL answers with success, then become another program.

    python docker/wait.py URL PROGRAM [ARGUMENT...]

Used by services that need an engine's front service, for as long as it takes: a service that
cannot work yet says so in its log and waits, as it must after a restart of the whole machine.
"""

from __future__ import annotations

import base64
import os
import sys
import time
from urllib.request import Request, urlopen

POLL_S = 1.0
SAY_EVERY = 15  # polls
CALL_S = 10.0


def answers(url: str) -> str:
    """Return "" when the URL answers with success, else what is wrong."""
    request = Request(url)
    if login := os.environ.get("PREFECT_API_AUTH_STRING"):
        request.add_header("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}")
    try:
        with urlopen(request, timeout=CALL_S):
            return ""
    except OSError as error:  # every error of urllib is one
        return str(error)


def main(url: str, *command: str) -> None:
    """Wait, then run the command in this process's place."""
    polls = 0
    while wrong := answers(url):
        if polls % SAY_EVERY == 0:
            print(f"waiting for {url}: {wrong}", flush=True)
        polls += 1
        time.sleep(POLL_S)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
