"""Write the secrets of the containers into `.env`: what is there stays, nothing is printed.

`make env` runs it with the machine's own Python: the standard library is all that it needs.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def word() -> str:
    """Return a secret that needs no quoting in a URL, a shell or a `.env` file."""
    return secrets.token_hex(24)


def fernet_key() -> str:
    """Return 32 random bytes in the form that Airflow encrypts connections with."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


SECRETS = {
    "WAREHOUSE_PASSWORD": word,
    "SOURCE_CONTROL_TOKEN": word,
    "AIRFLOW_ADMIN_PASSWORD": word,
    "AIRFLOW_POSTGRES_PASSWORD": word,
    "AIRFLOW_SECRET_KEY": word,
    "AIRFLOW_JWT_SECRET": lambda: secrets.token_hex(64),  # it signs with SHA-512
    "AIRFLOW_FERNET_KEY": fernet_key,
    "PREFECT_ADMIN_PASSWORD": word,
    "PREFECT_POSTGRES_PASSWORD": word,
    "DAGSTER_POSTGRES_PASSWORD": word,
}


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
