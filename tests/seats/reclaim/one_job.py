"""A process that does one job of the door, as a worker's process would: `python -m … JOB`. To be killed."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import IO

from tests.running import ROOT


def start(job_id: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """On the database of the tests, and with what their environment says."""
    # This module is also run by itself, before Django is set up.
    from django.conf import settings

    from tests.portal.working import database_url

    env = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "SECRET_KEY": settings.SECRET_KEY,
    }
    return subprocess.Popen(
        [sys.executable, "-m", __name__, str(job_id)],
        cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
    )  # fmt: skip


def main(job_id: int) -> None:
    import django

    django.setup()
    from seats import tasks

    tasks.execute_batch(job_id)


if __name__ == "__main__":
    main(int(sys.argv[1]))
