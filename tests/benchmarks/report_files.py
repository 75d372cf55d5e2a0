"""One report as a file in each format, through its page's address: first byte, first row, memory; as JSON.

Run with the settings of the portal to ask, as `tests.benchmarks.report_files NAME [QUERY]`; without a name,
it lists the reports.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import resource
import sys
import time
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import django

NUMBER = re.compile(r"-?\d+(\.\d+)?")
CELL = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def measure(name: str, query: str) -> dict[str, Any]:
    from django.contrib.auth import get_user_model
    from django.test import Client

    users: Any = get_user_model()
    user, _ = users.objects.get_or_create(username="benchmark", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(user)
    page = client.get(f"/reports/{name}/?{query}&count=1")
    counted = re.search(rb'data-count="(\d+)"', page.content)
    found: dict[str, Any] = {
        "status": page.status_code,
        "count": int(counted[1]) if counted else 0,
        "formats": {},
    }
    del page
    started = time.perf_counter()
    found["page_ms"] = 0.0
    client.get(f"/reports/{name}/?{query}")
    found["page_ms"] = (time.perf_counter() - started) * 1000
    for file_format in ("csv", "ndjson", "xlsx"):
        found["formats"][file_format] = _download(client, name, query, file_format)
    return found


def _download(client: Any, name: str, query: str, file_format: str) -> dict[str, Any]:
    _forget_peak()
    started = time.perf_counter()
    response = client.get(f"/reports/{name}/download/?{query}&format={file_format}")
    first = 0.0

    def timed() -> Iterator[bytes]:
        nonlocal first
        for chunk in response.streaming_content:
            if chunk and not first:
                first = time.perf_counter() - started
            yield chunk

    rows, formulas, size = READERS[file_format](timed())
    return {
        "first_ms": first * 1000,
        "seconds": time.perf_counter() - started,
        "rows": rows,
        "formulas": formulas,
        "bytes": size,
        "peak_mb": _peak() / 1024,
    }


# --- Read as a program would, a chunk at a time -------------------------------------------------


def _read_csv(chunks: Iterable[bytes]) -> tuple[int, int, int]:
    size = 0

    def lines() -> Iterator[str]:
        nonlocal size
        decode = codecs.getincrementaldecoder("utf-8")().decode
        rest = ""
        for chunk in chunks:
            size += len(chunk)
            *whole, rest = (rest + decode(chunk)).split("\n")
            yield from (f"{line}\n" for line in whole)

    rows = formulas = 0
    reader = csv.reader(lines())
    next(reader)
    for row in reader:
        rows += 1
        formulas += sum(cell[:1] in "=+-@\t\r" and not NUMBER.fullmatch(cell) for cell in row if cell)
    return rows, formulas, size


def _read_ndjson(chunks: Iterable[bytes]) -> tuple[int, int, int]:
    rows = size = 0
    for chunk in chunks:
        rows, size = rows + chunk.count(b"\n"), size + len(chunk)
    return rows, 0, size


def _read_xlsx(chunks: Iterable[bytes]) -> tuple[int, int, int]:
    path = Path("/dev/shm" if Path("/dev/shm").is_dir() else "/tmp") / f"report-{time.time_ns()}.xlsx"
    try:
        with path.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
        rows = formulas = 0
        with zipfile.ZipFile(path) as book:
            if broken := book.testzip():
                raise SystemExit(f"{broken} is broken")
            for part in book.namelist():
                with book.open(part) as content:
                    if not part.startswith("xl/worksheets/"):
                        ElementTree.parse(io.BytesIO(content.read()))
                        continue
                    for _, element in ElementTree.iterparse(content):
                        if element.tag == f"{CELL}row":
                            rows += 1
                            formulas += sum(1 for _ in element.iter(f"{CELL}f"))
                            element.clear()
                        elif element.tag == f"{CELL}sheetData":
                            rows -= 1  # headings
                            element.clear()
        return rows, formulas, path.stat().st_size
    finally:
        path.unlink(missing_ok=True)


READERS = {"csv": _read_csv, "ndjson": _read_ndjson, "xlsx": _read_xlsx}


def _forget_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _peak() -> float:
    """The most this process has held, in KiB."""
    status = Path("/proc/self/status")
    if status.is_file() and (found := re.search(r"VmHWM:\s+(\d+)", status.read_text())):
        return float(found[1])
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def main() -> None:
    django.setup()
    from portal.reports import registry

    if len(sys.argv) < 2:
        sys.stdout.write(json.dumps([report.name for report in registry.all_reports()]))
        return
    sys.stdout.write(json.dumps(measure(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")))


if __name__ == "__main__":
    main()
