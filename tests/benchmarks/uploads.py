"""A large file through the browser's own path: sent in parts by HTTP, previewed and taken in by the worker.

    python -m tests.benchmarks --only uploads --lines 3000000 --database postgres://…

Measures against a pass of S over the same file, or against COPY where the database is a PostgreSQL, and asks
for the home page all the while. The portal is a real one: `quickstart` on a loopback port, its server and
worker as they run anywhere.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import statistics
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from rich.console import Console

from tests.benchmarks import lines
from tests.benchmarks.measured import MEGABYTE, Results
from tests.running import Portal, environment

PART = 8 * 1024 * 1024
ASKED_EVERY_SECONDS = 2.0
WITHIN_SECONDS = 3 * 3600.0


@dataclass
class Watched:
    """What a portal's processes and its home page did while it worked."""

    peaks: dict[str, float] = field(default_factory=dict)
    pages: list[float] = field(default_factory=list)

    @property
    def slow_page(self) -> float:
        """The page that one in twenty was slower than, in seconds."""
        return statistics.quantiles(self.pages, n=20)[-1] if len(self.pages) > 1 else 0.0


class Person:
    """A logged-in admin, by HTTP."""

    def __init__(self, portal: Portal) -> None:
        self.browser = portal.browser()
        self.url = portal.url

    def token(self) -> str:
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.browser.get("/upload/"))
        assert found
        return found[1]

    def post(self, path: str, body: bytes, kind: str, token: str) -> dict[str, Any]:
        request = urllib.request.Request(self.url + path, body, {"Content-Type": kind, "X-CSRFToken": token})
        with self.browser._opener.open(request, timeout=600) as answer:
            return dict(json.loads(answer.read()))

    def send(self, file: Path) -> str:
        """The file in parts; the address of its upload's page."""
        token, form = self.token(), "application/x-www-form-urlencoded"
        described = json.dumps([{"name": file.name, "size": file.stat().st_size}])
        begun = self.post("/upload/begin/", urlencode({"files": described}).encode(), form, token)
        address, sha256, start = begun["address"], hashlib.sha256(), 0
        with file.open("rb") as stream:
            while part := stream.read(PART):
                sha256.update(part)
                where = f"{address.removesuffix('received/')}files/0/?from={start}"
                start = self.post(where, part, "application/octet-stream", token)["received"]
        told = {"sha256": json.dumps([sha256.hexdigest()])}
        return str(self.post(address, urlencode(told).encode(), form, token)["page"])

    def wait(self, page: str) -> None:
        ends_at = time.monotonic() + WITHIN_SECONDS
        while json.loads(self.browser.get(f"{page}progress/"))["is_live"]:
            assert time.monotonic() < ends_at, "it never ended"
            time.sleep(ASKED_EVERY_SECONDS / 2)

    def confirm(self, page: str) -> None:
        token = self.token()
        request = urllib.request.Request(
            f"{self.url}{page}confirm/", urlencode({"csrfmiddlewaretoken": token}).encode()
        )
        with self.browser._opener.open(request, timeout=600) as answer:
            answer.read()


class Watch(threading.Thread):
    """Memory of every process, and how long the home page takes, until it is told to stop."""

    def __init__(self, portal: Portal) -> None:
        super().__init__(daemon=True)
        self.portal, self.person = portal, Person(portal)
        self.seen = Watched()
        self.is_over = threading.Event()

    def run(self) -> None:
        while not self.is_over.wait(ASKED_EVERY_SECONDS):
            for name, size in memory(self.portal):
                self.seen.peaks[name] = max(size, self.seen.peaks.get(name, 0.0))
            began = time.monotonic()
            try:
                self.person.browser.get("/")
            except urllib.error.URLError:
                continue
            self.seen.pages.append(time.monotonic() - began)

    def stop(self) -> Watched:
        self.is_over.set()
        self.join()
        return self.seen


def memory(portal: Portal) -> Iterator[tuple[str, float]]:
    """Resident MiB of each process; `worker` or `server`, and its number."""
    for pid in portal.alive():
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        if found := re.search(r"VmRSS:\s+(\d+) kB", status):
            name = "worker" if "run_worker" in command or "qcluster" in command else "server"
            yield f"{name} {pid}", int(found[1]) / 1024


def worked(portal: Portal) -> float:
    """CPU seconds of the portal's processes so far; a database server's are its own."""
    ticks = 0
    for pid in portal.alive():
        with suppress(OSError):
            told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(told[11]) + int(told[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def largest(peaks: dict[str, float], what: str) -> float:
    return max((size for name, size in peaks.items() if name.startswith(what)), default=0.0)


def measure(folder: Path, count: int, database: str, results: Results, say: Console) -> None:
    people = max(count // lines.WINDOW, 1)
    usage = folder / "users.ndjson"
    count = lines.write_usage(usage, people, lines.WINDOW)
    size = usage.stat().st_size
    say.print(f"{count:,} lines, {size / MEGABYTE:,.0f} MiB")
    from tests.benchmarks.run import yardstick

    before = os.times()
    floor = "COPY" if database.startswith("postgres") else "S"
    s = yardstick(usage, folder / "s", database if floor == "COPY" else "")
    after = os.times()
    s_cpu = after.children_user + after.children_system - before.children_user - before.children_system
    say.print(f"{floor} {s.seconds:.1f} s, {s_cpu:.1f} s of a processor")
    env = {**environment(folder), "MAX_UPLOAD_MB": str(size // MEGABYTE * 2 + 64)}
    if database:
        env["DATABASE_URL"] = database
    env["DATA_DIR"] = str(folder / "portal")
    with Portal(folder, env=env) as portal:
        _through_the_browser(portal, usage, count, size, (floor, s.seconds, s_cpu), results, say)


def _through_the_browser(
    portal: Portal,
    usage: Path,
    count: int,
    size: int,
    against: tuple[str, float, float],
    results: Results,
    say: Console,
) -> None:
    floor, s, s_cpu = against
    person = Person(portal)
    idle = Watch(portal)
    idle.start()
    time.sleep(10 * ASKED_EVERY_SECONDS)
    at_rest = idle.stop()
    watch = Watch(portal)
    watch.start()
    took: dict[str, float] = {}
    began = time.monotonic()
    page = person.send(usage)
    took["sent"] = time.monotonic() - began
    say.print(f"sent in {took['sent']:.1f} s")
    person.wait(page)
    took["previewed"] = time.monotonic() - began - took["sent"]
    shown = person.browser.get(page)
    assert f"{count:,} row" in shown, "the preview tells every line"
    say.print(f"previewed in {took['previewed']:.1f} s")
    cpu = worked(portal)
    began = time.monotonic()
    person.confirm(page)
    person.wait(page)
    took["taken in"] = time.monotonic() - began
    say.print(f"taken in in {took['taken in']:.1f} s")
    assert "written" in person.browser.get(page)
    cpu = worked(portal) - cpu
    seen = watch.stop()
    results.add(f"{count:,} lines sent in parts", f"{size / MEGABYTE / took['sent']:,.0f} MiB/s", "")
    results.add(
        f"its preview, against {floor}", f"{took['previewed']:.1f} s, {took['previewed'] / s:.2f}", "≤ 3",
        met=took["previewed"] <= 3 * s,
    )  # fmt: skip
    results.add(
        f"taken in by the worker, against {floor}",
        f"{took['taken in']:.1f} s, {count / took['taken in']:,.0f} lines/s, {took['taken in'] / s:.2f}",
        "≤ 3",
        met=took["taken in"] <= 3 * s,
    )
    results.add(f"its processor time, against that of {floor}", f"{cpu:.1f} s, {cpu / s_cpu:.2f}", "")
    for what in ("worker", "server"):
        peak, before = largest(seen.peaks, what), largest(at_rest.peaks, what)
        results.add(
            f"peak memory of a {what}",
            f"{peak:,.0f} MiB, {before:,.0f} at rest",
            "≤ 350 MiB",
            met=peak <= 350,
        )
    results.add(
        "the home page meanwhile, 19 of 20 within",
        f"{seen.slow_page:.2f} s, {at_rest.slow_page:.2f} at rest",
        "≤ 3 x",
        met=seen.slow_page <= max(3 * at_rest.slow_page, 1.0),
    )
