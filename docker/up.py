"""Start an engine in containers and say where it is: `python docker/up.py ENGINE [OPTION...]`.

The options go to `docker compose up`, for example `--pull never`.
"""

from __future__ import annotations

import sys

from benchmarks.compose import LOGINS, StackError, Stacks


def main(engine: str, *options: str) -> None:
    """Start it, wait for its first run, print the address and how to log in."""
    stacks = Stacks()
    stacks.up(engine, "--build", *options, quiet=False)
    print(f"web UI     {stacks.address(engine)}")
    print(f"login      {LOGINS[engine]}")
    print("logs       docker compose logs --follow")
    print("stop       docker compose stop, or with all data: docker compose down -v")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except StackError as error:
        sys.exit(f"up: {error}")
