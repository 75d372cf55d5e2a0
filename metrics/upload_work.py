"""What the worker does with an upload: go through it without writing, or take it in."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.utils import timezone

from metrics import upload_parts
from metrics.ingest.intake import join_pages, settle, take_in
from metrics.ingest.options import FileOutcome
from metrics.ingest.reasons import without_particulars
from metrics.ingest.rehearsal import Rehearsal
from metrics.uploads import ANSWERS, PREVIEW, TAKE_IN, Upload, find, read_options, write_json
from portal import jobs
from portal.models import ReportFile
from seats.models import Account

SHOWN_REJECTS = 50
SHOWN_REASONS = 100
# The rate is that of the last so many seconds.
RATE_SECONDS = 10.0
# A turn that had to read again what was in already works on for so much of that time, up to a last moment.
AT_LEAST = 0.25
LAST_MOMENT = 0.95


def preview_job(job_id: int) -> None:
    jobs.run(job_id, lambda run: _go_through(run, PREVIEW))


def take_in_job(job_id: int) -> None:
    jobs.run(job_id, lambda run: _go_through(run, TAKE_IN))


class Pace:
    """Tells a job how far it is: records, rejects and how fast it goes.

    `goes_on`: what an earlier turn has read is in, and is only read again.
    """

    def __init__(self, run: jobs.Run, total: int | None, files: int, *, goes_on: bool = True) -> None:
        self.run, self.total, self.files = run, total, files
        self.file = 0
        self._before = self._rejected_before = 0
        self._began_at = time.monotonic()
        # What an earlier turn has brought in; since when this one brings in more.
        self._known = (run.job.progress_done or 0) if goes_on else 0
        self._further_since: float | None = None
        self._marks: list[tuple[float, int]] = [(self._began_at, 0)]

    def at(self, records: int, rejected: int) -> None:
        """So far of the file at hand; raises what ends the job."""
        done, now = self._before + records, time.monotonic()
        while len(self._marks) > 1 and self._marks[1][0] < now - RATE_SECONDS:
            self._marks.pop(0)
        self._marks.append((now, done))
        since, then = self._marks[0]
        self.run.tally = {
            "rows_read": done,
            "rows_rejected": self._rejected_before + rejected,
            "rows_a_second": round((done - then) / (now - since)) if now > since else 0,
            "files": f"{min(self.file + 1, self.files)} of {self.files}",
        }
        if done <= self._known:
            self.run.progress(self._known, self.total, "reading again what is in already")
            return
        if self._further_since is None:
            self._further_since = now
        self.run.progress(done, self.total)

    def is_late(self) -> bool:
        """Whether to end for now: not before there is something to show for it, lest each turn be alike."""
        now, most = time.monotonic(), int(settings.Q_CLUSTER["timeout"])
        taken = now - self._began_at
        further = now - self._further_since if self._further_since is not None else 0.0
        is_worth_it = further > AT_LEAST * most or self._known == 0
        return taken > (jobs.GOES_ON_AFTER if is_worth_it else LAST_MOMENT) * most

    def behind(self, files: list[list[dict[str, Any]]]) -> None:
        """These files, as they were summed up, are in already."""
        self.file += len(files)
        for file in (file for some in files for file in some):
            self._before += file["counts"]["rows_read"]
            self._rejected_before += file["counts"]["rows_rejected"]

    def file_over(self, outcomes: list[FileOutcome]) -> None:
        self.file += 1
        self._before += sum(outcome.counts.rows_read for outcome in outcomes)
        self._rejected_before += sum(outcome.counts.rows_rejected for outcome in outcomes)


def _go_through(run: jobs.Run, kind: str) -> dict[str, Any]:
    by = get_user_model().objects.filter(pk=run.arguments["user"]).first()
    upload = find(run.arguments["token"], by) if by else None
    if upload is None:
        raise jobs.Refused("The uploaded files are gone: they are kept for a day. Upload them again.")
    if upload.answer(kind) is not None:
        return {}
    answer = _preview(upload, run, by) if kind == PREVIEW else _take_in(upload, run, by)
    write_json(upload.folder / ANSWERS[kind], answer)
    if kind == TAKE_IN:
        upload.remove_files()
    return _tally(answer["files"])


def _preview(upload: Upload, run: jobs.Run, by: Any) -> dict[str, Any]:
    """Go through every line of every file as if it were taken in, and say what would change."""
    try:
        upload_parts.check(upload, run.beat)
    except upload_parts.NotReceived as error:
        raise jobs.Refused(str(error)) from error
    ends_at = time.monotonic() + jobs.GOES_ON_AFTER * int(settings.Q_CLUSTER["timeout"])
    rehearsal = Rehearsal(upload.folder / "rehearsal.sqlite3", ends_at)
    try:
        options = read_options(upload.options, dry_run=True, rehearsal=rehearsal)
        pace = Pace(run, None, len(upload.paths), goes_on=False)
        outcomes: list[FileOutcome] = []
        for path in upload.paths:
            some = take_in(
                path,
                source=ReportFile.Source.UPLOAD,
                options=options,
                progress=pace.at,
                by=by,
                settle_after=False,
            )
            pace.file_over(some)
            outcomes += some
        join_pages(outcomes, options)
        # What a preview wrote was taken back, its file's own record too.
        files = [{**summary, "report_file": None} for summary in _summaries(upload, outcomes)]
        return {"files": files, "figures": rehearsal.figures()}
    finally:
        rehearsal.close()


def _take_in(upload: Upload, run: jobs.Run, by: Any) -> dict[str, Any]:
    previewed = upload.answer(PREVIEW)
    total = None
    if previewed and not any(is_part(file) for file in previewed["files"]):
        total = sum(file["counts"]["rows_read"] for file in previewed["files"])
    pace = Pace(run, total, len(upload.paths))
    options = read_options(upload.options, dry_run=False)

    def tell(records: int, rejected: int) -> None:
        pace.at(records, rejected)
        if pace.is_late():
            raise jobs.Later(timezone.now(), "It is a long one, and goes on in a moment where it was.")

    finished = _Finished(upload)
    pace.behind(finished.files)
    joined: list[FileOutcome] = []
    for path in upload.paths[len(finished.files) :]:
        some = take_in(
            path, source=ReportFile.Source.UPLOAD, options=options, progress=tell, by=by, settle_after=False
        )
        pace.file_over(some)
        joined += some
        if not any(outcome.seat_list for outcome in joined):
            finished.add(_summaries(upload, some))
            joined.clear()
    join_pages(joined, options)
    settle(lambda *_: run.beat())
    return {"files": [*finished.summaries, *_summaries(upload, joined)], "figures": {}}


class _Finished:
    """The files that are in, in the upload's order: work that was interrupted goes on behind them.

    Pages of a seat list are joined at the end, so those are gone through again.
    """

    def __init__(self, upload: Upload) -> None:
        self._path = upload.folder / "finished.json"
        self.files: list[list[dict[str, Any]]] = []
        if self._path.is_file():
            self.files = json.loads(self._path.read_text())

    def add(self, summaries: list[dict[str, Any]]) -> None:
        self.files.append(summaries)
        write_json(self._path, self.files)

    @property
    def summaries(self) -> list[dict[str, Any]]:
        return [summary for some in self.files for summary in some]


def is_part(file: Mapping[str, Any]) -> bool:
    """Whether only the beginning of a file was looked at, or nothing of it."""
    return file.get("looked_at") is not None


def _tally(files: list[dict[str, Any]]) -> dict[str, Any]:
    tally: dict[str, Any] = {"files": len(files), "refused": sum(bool(file["error"]) for file in files)}
    for name in ReportFile.ROW_COUNTS:
        tally[name] = sum(file["counts"][name] for file in files)
    return tally


def _summaries(upload: Upload, outcomes: list[FileOutcome]) -> list[dict[str, Any]]:
    """What the pages show of each file, in plain values."""
    labels = {account.subject: account.label for account in Account.objects.all()}
    named = upload.options["organization"] or upload.options["enterprise"]
    unmet = f"{named} (new)" if named else "an account not met before"
    titles = dict(zip(map(str, upload.paths), upload.shown_names, strict=True))
    return [_summary(outcome, titles, labels, unmet) for outcome in outcomes]


def _summary(
    outcome: FileOutcome, titles: dict[str, str], labels: dict[str, str], unmet: str
) -> dict[str, Any]:
    file = outcome.report_file
    account = ""
    if file is not None:
        account = labels.get(file.subject, unmet) if file.subject else "several accounts"
    title = titles.get(outcome.path) or Path(outcome.path).name
    reasons = Counter(without_particulars(reason) for _, reason in outcome.rejected)
    return {
        "name": outcome.member or title,
        "archive": title if outcome.member else "",
        "kind": str(outcome.kind or ""),
        "account": account,
        "first_day": file.first_day.isoformat() if file and file.first_day else "",
        "last_day": file.last_day.isoformat() if file and file.last_day else "",
        "observed_at": file.observed_at.isoformat() if file and file.observed_at else "",
        "report_file": file.pk if file else None,
        "counts": outcome.counts.as_dict(),
        "conflicts": outcome.counts.conflicts,
        "rejected": outcome.rejected[:SHOWN_REJECTS],
        "reasons": reasons.most_common(SHOWN_REASONS),
        "notes": outcome.notes,
        "ended": outcome.ended[:SHOWN_REJECTS],
        "ended_total": len(outcome.ended),
        "removed": outcome.removed[:SHOWN_REJECTS],
        "removed_total": len(outcome.removed),
        "error": outcome.error,
        "looked_at": outcome.looked_at,
    }
