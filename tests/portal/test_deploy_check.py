"""`check --deploy` under the settings of a production host, as a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import MANAGE, ROOT, environment

PRODUCTION = {
    "SECRET_KEY": "q7GmX2tYw9vB4nKs8Lc1Rz6Hd3Pf5Ja0UeIoTyWxVbNm-QaZsXdCf",
    "AUDIT_KEYS": "k3WzR8uQx1Ny5Lb7Ts2Gv9Mc4Jd6Hf0PaEoIiUyTeXrZwQmVnBsKlDg",
    "ALLOWED_HOSTS": "copilot.example.com",
    "CSRF_TRUSTED_ORIGINS": "https://copilot.example.com",
    "BEHIND_PROXY": "true",
    "EMAIL_URL": "smtp+tls://portal:secret@mail.example.com:587",
}


def test_it_is_clean_under_production_settings(tmp_path: Path) -> None:
    done = check(tmp_path, **PRODUCTION)

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    ("change", "says"),
    [
        # Without DEBUG that ends before all others are looked at.
        ({"SECRET_KEY": ""}, ["portal.E001"]),
        (
            {"DEBUG": "true", "ALLOWED_HOSTS": "*", "AUDIT_KEYS": "", "HTTPS": "false"},
            ["portal.W001", "portal.W002", "portal.W004", "security.W008"],
        ),
    ],
    ids=["an error", "warnings"],
)
def test_it_names_what_is_wrong(tmp_path: Path, change: dict[str, str], says: list[str]) -> None:
    done = check(tmp_path, **{**PRODUCTION, **change})

    assert done.returncode == 1
    for number in says:
        [told] = re.findall(rf"\({number}\).*(?:\n\s+HINT.*)?", done.stderr)
        assert "HINT" in told or number.startswith("security.")


def test_the_web_server_does_not_start_without_a_key(tmp_path: Path) -> None:
    done = run(tmp_path, "-c", "import portal.wsgi", **{**PRODUCTION, "SECRET_KEY": ""})

    assert done.returncode != 0
    assert "SECRET_KEY is not set" in done.stderr


def check(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return run(folder, str(MANAGE), "check", "--deploy", "--fail-level", "WARNING", **env)


def run(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=ROOT,
        env={**environment(folder), **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
