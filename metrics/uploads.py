"""Files on their way in: kept in private, bound to whoever sent them, previewed, then taken in or removed.

An upload is one folder under DATA_DIR/incoming with the files as received, what the preview found and
what came of taking them in. Nothing else is written before somebody confirms.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from metrics.ingest.intake import settle, take_in
from metrics.ingest.options import FileOutcome, Options
from portal import jobs
from portal.models import Job, ReportFile
from seats.models import Account

# What one request may do while its sender waits; above it the worker does it. Packed files count for
# what they usually unpack to.
AT_ONCE_BYTES = 16 * 1024 * 1024
PACKED_FACTOR = 10
PACKED = (b"\x1f\x8b", b"PK\x03\x04")
KEEP = timedelta(days=1)
SHOWN_REJECTS = 50
NAMED_FILES = 20
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")

PREVIEW = "preview-upload"
TAKE_IN = "take-in-upload"
DOORWAYS = {PREVIEW: "metrics.uploads.preview_job", TAKE_IN: "metrics.uploads.take_in_job"}
# What each kind of work leaves in the folder.
ANSWERS = {PREVIEW: "preview.json", TAKE_IN: "result.json"}


@dataclass(frozen=True, slots=True)
class Upload:
    token: str
    user_id: int
    names: tuple[str, ...]
    size: int
    work: int
    options: dict[str, Any]

    @property
    def folder(self) -> Path:
        return _incoming() / self.token

    @property
    def subject(self) -> str:
        """Names it in jobs: long enough to be unique, too short to open it."""
        return f"upload:{self.token[:12]}"

    @property
    def is_small(self) -> bool:
        return self.work <= AT_ONCE_BYTES

    @property
    def paths(self) -> list[Path]:
        return [self.folder / "files" / str(number) / name for number, name in enumerate(self.names)]

    def job(self) -> Job | None:
        """The newest job about it."""
        return Job.objects.filter(subject=self.subject, kind__in=DOORWAYS).order_by("-id").first()

    def answer(self, kind: str) -> list[dict[str, Any]] | None:
        """What the preview found, or what came of taking it in: a summary per file. None: not yet."""
        path = self.folder / ANSWERS[kind]
        if not path.is_file():
            return None
        summaries: list[dict[str, Any]] = json.loads(path.read_text())
        return summaries

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def _incoming() -> Path:
    path: Path = settings.DATA_DIR / "incoming"
    return path


def receive(files: Iterable[UploadedFile[Any]], options: Options, by: Any) -> Upload:
    """Store the bytes where only the portal reads them."""
    received = [(file, _stored_name(file.name or "")) for file in files]
    upload = Upload(
        token=secrets.token_urlsafe(32),
        user_id=by.pk,
        names=tuple(name for _, name in received),
        size=sum(file.size or 0 for file, _ in received),
        work=sum(_work(file) for file, _ in received),
        options=_written(options),
    )
    upload.folder.mkdir(mode=0o700, parents=True)
    for (file, _), path in zip(received, upload.paths, strict=True):
        path.parent.mkdir(mode=0o700, parents=True)
        _store(file.chunks(), path)
    # Last, and whole: a folder without it is no upload.
    _write_json(upload.folder / "upload.json", asdict(upload))
    return upload


def find(token: str, user: Any) -> Upload | None:
    """The upload of this token, if this user sent it."""
    if not TOKEN.fullmatch(token):
        return None
    path = _incoming() / token / "upload.json"
    if not path.is_file():
        return None
    stored = json.loads(path.read_text())
    upload = Upload(**{**stored, "names": tuple(stored["names"])})
    return upload if upload.user_id == user.pk else None


def start(upload: Upload, kind: str, by: Any) -> Job:
    """Preview it or take it in: at once when it is small, else in the worker."""
    begin = jobs.run_here if upload.is_small else jobs.enqueue
    arguments = {"token": upload.token, "user": upload.user_id, "names": list(upload.names[:NAMED_FILES])}
    return begin(kind, upload.subject, DOORWAYS[kind], arguments, by)


def preview_job(job_id: int) -> None:
    jobs.run(job_id, lambda run: _go_through(run, PREVIEW))


def take_in_job(job_id: int) -> None:
    jobs.run(job_id, lambda run: _go_through(run, TAKE_IN))


def remove_left(now: datetime | None = None) -> int:
    """Remove what nobody confirmed within a day, and the results of what somebody did. How many."""
    now = now or timezone.now()
    removed = 0
    for folder in _incoming().glob("*"):
        changed_at = datetime.fromtimestamp(folder.stat().st_mtime, UTC)
        busy = Job.objects.live().filter(subject=f"upload:{folder.name[:12]}")
        if changed_at < now - KEEP and not busy.exists():
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    return removed


def _go_through(run: jobs.Run, kind: str) -> dict[str, Any]:
    by = get_user_model().objects.filter(pk=run.arguments["user"]).first()
    upload = find(run.arguments["token"], by) if by else None
    if upload is None:
        raise jobs.Refused("The uploaded files are gone: they are kept for a day. Upload them again.")
    if upload.answer(kind) is not None:
        return {}
    outcomes = list(_outcomes(upload, run, dry_run=kind == PREVIEW, by=by))
    summaries = _summaries(upload, outcomes)
    if kind == PREVIEW:
        # What a preview wrote was taken back, its file's own record too.
        summaries = [{**summary, "report_file": None} for summary in summaries]
    _write_json(upload.folder / ANSWERS[kind], summaries)
    if kind == TAKE_IN:
        shutil.rmtree(upload.folder / "files", ignore_errors=True)
    return _tally(outcomes)


def _outcomes(upload: Upload, run: jobs.Run, *, dry_run: bool, by: Any) -> Iterator[FileOutcome]:
    options = _read(upload.options, dry_run=dry_run)
    previewed = upload.answer(PREVIEW)
    total = sum(file["counts"]["rows_read"] for file in previewed) if previewed else None
    done = 0
    for path in upload.paths:
        report = partial(_report, run, done, total)
        for outcome in take_in(
            path,
            source=ReportFile.Source.UPLOAD,
            options=options,
            progress=report,
            by=by,
            settle_after=False,
        ):
            done += outcome.counts.rows_read
            yield outcome
    if not dry_run:
        settle(lambda *_: run.progress(done, total))


def _report(run: jobs.Run, before: int, total: int | None, records: int) -> None:
    run.progress(before + records, total)


def _tally(outcomes: list[FileOutcome]) -> dict[str, Any]:
    tally: dict[str, Any] = {"files": len(outcomes), "refused": sum(o.is_refused for o in outcomes)}
    for name in ReportFile.ROW_COUNTS:
        tally[name] = sum(getattr(outcome.counts, name) for outcome in outcomes)
    return tally


def _summaries(upload: Upload, outcomes: list[FileOutcome]) -> list[dict[str, Any]]:
    """What the pages show of each file, in plain values."""
    labels = {account.subject: account.label for account in Account.objects.all()}
    named = upload.options["organization"] or upload.options["enterprise"]
    unmet = f"{named} (new)" if named else "an account not met before"
    return [_summary(outcome, labels, unmet) for outcome in outcomes]


def _summary(outcome: FileOutcome, labels: dict[str, str], unmet: str) -> dict[str, Any]:
    file = outcome.report_file
    account = ""
    if file is not None:
        account = labels.get(file.subject, unmet) if file.subject else "several accounts"
    return {
        "name": outcome.member or Path(outcome.path).name,
        "archive": Path(outcome.path).name if outcome.member else "",
        "kind": str(outcome.kind or ""),
        "account": account,
        "first_day": file.first_day.isoformat() if file and file.first_day else "",
        "last_day": file.last_day.isoformat() if file and file.last_day else "",
        "observed_at": file.observed_at.isoformat() if file and file.observed_at else "",
        "report_file": file.pk if file else None,
        "counts": outcome.counts.as_dict(),
        "conflicts": outcome.counts.conflicts,
        "rejected": outcome.rejected[:SHOWN_REJECTS],
        "notes": outcome.notes,
        "ended": outcome.ended[:SHOWN_REJECTS],
        "ended_total": len(outcome.ended),
        "removed": outcome.removed[:SHOWN_REJECTS],
        "removed_total": len(outcome.removed),
        "error": outcome.error,
    }


def _stored_name(name: str) -> str:
    """The name as given, short enough for any file system; nothing is derived from it."""
    stem, dot, suffix = name.rpartition(".")
    if not stem:
        stem, dot, suffix = name, "", ""
    suffix = suffix[:20]
    while len(f"{stem}{dot}{suffix}".encode()) > 200:
        stem = stem[:-1]
    return f"{stem}{dot}{suffix}" or "unnamed"


def _work(file: UploadedFile[Any]) -> int:
    beginning = file.read(4)
    file.seek(0)
    size = file.size or 0
    return size * PACKED_FACTOR if beginning.startswith(PACKED) else size


def _store(chunks: Iterable[bytes], path: Path) -> None:
    path.touch(mode=0o600, exist_ok=False)
    with path.open("wb") as stored:
        for chunk in chunks:
            stored.write(chunk)


def _write_json(path: Path, value: Any) -> None:
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(value, ensure_ascii=False))
    draft.replace(path)


def _written(options: Options) -> dict[str, Any]:
    return {**asdict(options), "taken_at": options.taken_at.isoformat() if options.taken_at else None}


def _read(written: dict[str, Any], *, dry_run: bool) -> Options:
    taken_at = written["taken_at"]
    at = datetime.fromisoformat(taken_at) if taken_at else None
    return Options(**{**written, "taken_at": at, "dry_run": dry_run})
