"""Sheets on their way in: kept in private, bound to whoever sent them, tried, then taken in or removed.

A sheet is one folder under DATA_DIR/sheets with the file as received, which of its columns is which, and what
trying it or taking it in came to. Small ones are done while their sender waits, large ones by the worker, and
both in the same way.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from portal import jobs
from portal.models import AuditEntry, Job
from seats import verdicts
from seats.sheets import columns, formats
from seats.sheets.outcome import outcome_of
from seats.sheets.tables import TABLES, Table, told_of_row

KEEP = timedelta(days=1)
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
# What a person may send to be read whole.
MOST_BYTES = 50 * 1024 * 1024
SAMPLES = 3

CHECK, IMPORT = "check-sheet", "import-sheet"
DOORWAYS = {CHECK: "seats.sheets.received.check_job", IMPORT: "seats.sheets.received.import_job"}
ANSWERS = {CHECK: "check.json", IMPORT: "result.json"}


@dataclass(frozen=True, slots=True)
class Received:
    token: str
    user_id: int
    table_name: str
    name: str
    format_name: str
    sha256: str
    headers: list[str]
    samples: list[list[str]]
    rows: int

    @property
    def table(self) -> Table:
        return TABLES[self.table_name]

    @property
    def folder(self) -> Path:
        return _sheets() / self.token

    @property
    def subject(self) -> str:
        """Names it in jobs: long enough to be unique, too short to open it."""
        return f"sheet:{self.token[:12]}"

    @property
    def is_small(self) -> bool:
        return bool(self.rows <= settings.SHEET_ROWS_AT_ONCE)

    @property
    def chosen(self) -> list[str] | None:
        """For each of its headers the column of ours; None: nobody has said yet."""
        path = self.folder / "columns.json"
        return json.loads(path.read_text()) if path.is_file() else None

    def choose(self, chosen: Sequence[str]) -> None:
        _write_json(self.folder / "columns.json", list(chosen))
        # What was found out under other columns counts no more.
        (self.folder / ANSWERS[CHECK]).unlink(missing_ok=True)

    def job(self) -> Job | None:
        """The newest job about it."""
        return Job.objects.filter(subject=self.subject, kind__in=DOORWAYS).order_by("-id").first()

    def answer(self, kind: str) -> dict[str, Any] | None:
        """What trying it found, or what came of taking it in; None: not yet."""
        path = self.folder / ANSWERS[kind]
        return json.loads(path.read_text()) if path.is_file() else None

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def receive(file: UploadedFile[Any], table: Table, by: Any) -> Received:
    """Store a sheet where only the portal reads it. Raises formats.Unreadable."""
    if (file.size or 0) > MOST_BYTES:
        raise formats.Unreadable(f"It is larger than {MOST_BYTES // 1024**2} MB. Split it.")
    content = b"".join(file.chunks())
    sheet_format = formats.format_of(file.name or "", content[:64])
    sheet = sheet_format.read(content)
    if not sheet.headers or not sheet.rows:
        raise formats.Unreadable("There is nothing in it: one line of headers, and a line for each row.")
    received = Received(
        token=secrets.token_urlsafe(32),
        user_id=by.pk,
        table_name=table.name,
        name=(file.name or "sheet")[:200],
        format_name=sheet_format.name,
        sha256=hashlib.sha256(content).hexdigest(),
        headers=sheet.headers,
        samples=_samples(sheet),
        rows=len(sheet.rows),
    )
    received.folder.mkdir(mode=0o700, parents=True)
    path = received.folder / "file"
    path.touch(mode=0o600)
    path.write_bytes(content)
    # Last, and whole: a folder without it is no sheet.
    _write_json(received.folder / "sheet.json", asdict(received))
    return received


def find(token: str, user: Any, table: Table) -> Received | None:
    """The sheet of this token, if this user sent it for this table."""
    if not TOKEN.fullmatch(token):
        return None
    path = _sheets() / token / "sheet.json"
    if not path.is_file():
        return None
    received = Received(**json.loads(path.read_text()))
    return received if (received.user_id, received.table_name) == (user.pk, table.name) else None


class Moved(Exception):
    """What would be written is not what was seen; `result` and its digest tell what it would be now."""

    def __init__(self, result: Any, digest: str) -> None:
        super().__init__("The rows were changed since the preview.")
        self.result = result
        self.digest = digest


def start(received: Received, kind: str, by: Any, seen: str = "") -> Job:
    """Try it or take it in: at once when it is small, else in the worker.

    `seen` is the digest of the preview that was confirmed: nothing else is taken in.
    """
    begin = jobs.run_here if received.is_small else jobs.enqueue
    arguments: dict[str, Any] = {
        "token": received.token,
        "user": received.user_id,
        "table": received.table_name,
    }
    if kind == IMPORT:
        arguments["seen"] = seen
    return begin(kind, received.subject, DOORWAYS[kind], arguments, by)


def check_job(job_id: int) -> None:
    jobs.run(job_id, lambda run: _go_through(run, CHECK))


def import_job(job_id: int) -> None:
    jobs.run(job_id, lambda run: _go_through(run, IMPORT))


def remove_left(now: datetime | None = None) -> int:
    """Remove what nobody confirmed within a day, and the results of what somebody did. How many."""
    now = now or timezone.now()
    removed = 0
    for folder in _sheets().glob("*"):
        changed_at = datetime.fromtimestamp(folder.stat().st_mtime, UTC)
        busy = Job.objects.live().filter(subject=f"sheet:{folder.name[:12]}")
        if changed_at < now - KEEP and not busy.exists():
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    return removed


def _go_through(run: jobs.Run, kind: str) -> dict[str, Any]:
    by = get_user_model().objects.filter(pk=run.arguments["user"]).first()
    table = TABLES.get(run.arguments["table"])
    received = find(run.arguments["token"], by, table) if by and table else None
    if received is None or received.chosen is None or not (received.folder / "file").is_file():
        raise jobs.Refused("The sheet is gone: it is kept for a day. Choose it again.")
    if received.answer(kind) is not None:
        return {}
    _ask_again(received, by)
    try:
        result, digest = take_in(received, run, by, dry_run=kind == CHECK)
    except Moved as moved:
        # Shown once more: what somebody confirmed is not what would happen now.
        kind = CHECK
        outcome = {**outcome_of(received.table, moved.result), "digest": moved.digest, "moved": True}
    else:
        outcome = {**outcome_of(received.table, result), "digest": digest}
    _write_json(received.folder / ANSWERS[kind], outcome)
    if kind == IMPORT and not outcome["wrong_rows"]:
        (received.folder / "file").unlink(missing_ok=True)
    return {"rows": received.rows, **outcome["totals"], "wrong": outcome["wrong_rows"]}


def _ask_again(received: Received, by: Any) -> None:
    """Raises jobs.Refused for who may no longer bring this sheet: it may have waited for long."""
    table = received.table
    if table.may_bring(by):
        return
    detail = {"sha256": received.sha256, "format": received.format_name, "rows": received.rows}
    AuditEntry.objects.record(f"{table.noun} import refused", actor=by, detail=detail)
    raise jobs.Refused(f"{by.get_username()} may not import this any more. Nothing was written.")


@transaction.atomic
def take_in(received: Received, run: jobs.Run, by: Any, *, dry_run: bool) -> tuple[Any, str]:
    """All of a sheet or nothing of it, with its story in the audit and its effect on verdicts.

    The library's result, and the digest of all that changes. Raises Moved where that is not what was seen.
    """
    table = received.table
    run.progress_unsaved(0, received.rows)
    sheet = formats_of(received).read((received.folder / "file").read_bytes())
    resource = table.resource(report=lambda done: run.progress_unsaved(done, received.rows))
    result = resource.take(columns.mapped(sheet, received.chosen or []), by=by, dry_run=dry_run)
    if dry_run or result.has_errors() or result.has_validation_errors():
        return result, resource.digest
    if resource.digest != run.arguments.get("seen"):
        raise Moved(result, resource.digest)
    told = [told_of_row(table, row) for row in result.rows if row.is_new() or row.is_update()]
    counts = {**result.totals, "sha256": received.sha256, "format": received.format_name}
    AuditEntry.objects.record_all([*told, (f"{table.noun} imported", "", counts)], actor=by)
    if table.decides_verdicts:
        verdicts.refresh()
    return result, resource.digest


def formats_of(received: Received) -> formats.SheetFormat:
    return next(one for one in formats.FORMATS if one.name == received.format_name)()


def _samples(sheet: formats.Sheet) -> list[list[str]]:
    """The first cells of each column that say anything."""
    samples: list[list[str]] = []
    for number in range(len(sheet.headers)):
        said = (
            formats.as_printed(row[number])[:80] for row in sheet.rows[:50] if row[number] not in (None, "")
        )
        samples.append(list(dict.fromkeys(said))[:SAMPLES])
    return samples


def _sheets() -> Path:
    path: Path = settings.DATA_DIR / "sheets"
    return path


def _write_json(path: Path, value: Any) -> None:
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(value, ensure_ascii=False))
    draft.replace(path)
