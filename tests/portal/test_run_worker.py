"""The worker refuses a database that is not ready."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.running import MANAGE, ROOT, environment


def test_it_refuses_a_database_that_was_never_migrated(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(MANAGE), "run_worker"],
        cwd=ROOT,
        env={**environment(tmp_path), "SECRET_KEY": "x" * 50},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert "Run `manage.py migrate` first." in done.stderr
