"""Write the secrets of the containers into `.env`: what is there stays, nothing is printed.

`make env` runs it with the machine's own Python: the standard library and this repository are all
that it needs.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from benchmarks.compose import SECRETS

ROOT = Path(__file__).resolve().parents[1]


def completed(text: str) -> str:
    """Return a `.env` text in which every secret has a value."""
    for name, made in SECRETS.items():
        line = re.compile(rf"^{name}=(.*)$", re.M)
        found = line.search(text)
        if found is None:
            text += f"{'' if text.endswith(chr(10)) or not text else chr(10)}{name}={made()}\n"
        elif not found[1].strip():
            text = line.sub(f"{name}={made()}", text, count=1)
    return text


def write(file: Path, text: str) -> None:
    """Write a file whole or not at all, for its owner's eyes from its first byte on."""
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as stream:
        stream.write(text)
    part.replace(file)


def main(folder: Path = ROOT) -> None:
    """Complete `.env`, which begins as a copy of `.env.example`."""
    file = folder / ".env"
    before = (file if file.exists() else folder / ".env.example").read_text()
    write(file, completed(before))
    print(f"{file.name}: every secret is set (readable by you alone, and ignored by git)")


if __name__ == "__main__":
    main()
