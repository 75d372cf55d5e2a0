"""What a worker does in a test: read a file with other processes beside it, and stay at it."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path
from typing import Any

from metrics.formats import parsing
from metrics.formats.records import records
from portal import jobs

READ = "tests.metrics.reading_beside.read"


def read(job_id: int) -> None:
    jobs.run(job_id, _read)


def _read(run: jobs.Run) -> dict[str, Any]:
    path = Path(run.arguments["path"])
    parsing.PIECE = 1024
    read = parsing.parsed_beside(records(lambda: path.open("rb"), plain=path))
    for number, _ in enumerate(read, 1):
        helpers = [child.pid for child in multiprocessing.active_children()]
        run.tally = {"lines": number, "helpers": helpers, "may": parsing.can_share()}
        run.beat()
        time.sleep(run.arguments["pause"])
    return run.tally
