"""The files of reports that were made by themselves: kept to be downloaded again, and put into folders."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path, PurePosixPath

from django.conf import settings

from portal.models import ReportRun, ReportSchedule, SavedReport
from portal.reports.options import ReportError

# What a file's name keeps of the name of a report.
_UNFIT = re.compile(r"[^\w.@ -]+")
_FILLED_IN = re.compile(r"\{(\w+)\}")
# Bytes, as file systems count; its ending and what tells it apart come behind.
LONGEST_NAME = 200
KEEP_RUNS = timedelta(days=400)
LEFT_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Kept:
    path: str  # below DATA_DIR
    size: int
    sha256: str


def folder() -> Path:
    return Path(settings.DATA_DIR) / "reports"


def keep(chunks: Iterable[bytes], ending: str, beat: Callable[[], None]) -> Kept:
    """Write the chunks into a file of our own, whole or not at all. `beat` is called after each."""
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder() / f"{secrets.token_hex(16)}.{ending}"
    beside = path.with_name(f".{path.name}.part")
    sha256, size = hashlib.sha256(), 0
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for chunk in chunks:
                file.write(chunk)
                sha256.update(chunk)
                size += len(chunk)
                beat()
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return Kept(str(path.relative_to(settings.DATA_DIR)), size, sha256.hexdigest())


def kept_file(run: ReportRun) -> Path | None:
    """Where the file of a run lies; None: it was removed."""
    path = Path(settings.DATA_DIR) / run.kept_path
    return path if run.kept_path and path.is_file() else None


# --- Names and folders ------------------------------------------------------------------------


def file_name(pattern: str, *, report: str, name: str, day: date, ending: str) -> str:
    """The name that a pattern gives; ReportError for one that cannot be a name.

    The name of the report is cut where the whole would be longer than file systems take.
    """
    fit = _UNFIT.sub("-", name).strip(" .-") or "report"
    made = _filled(pattern, report, fit, day)
    too_long = len(made.encode()) - LONGEST_NAME
    if too_long > 0:
        made = _filled(pattern, report, _cut(fit, too_long, pattern.count("{name}")), day)
    if "{" in made or "}" in made:
        raise ReportError("The file name takes {report}, {name} and {day}, and nothing else in braces.")
    if len(made.encode()) > LONGEST_NAME:
        raise ReportError(
            f"The file name is {len(made.encode())} bytes long, and at most {LONGEST_NAME} fit; letters "
            "beyond a to z take two to four: choose a shorter one."
        )
    if not made or made.startswith(".") or _UNFIT.search(made):
        raise ReportError(
            "A file name is made of letters, digits, blanks, dots, dashes and underscores, "
            "and does not begin with a dot."
        )
    return f"{made}.{ending}"


def _filled(pattern: str, report: str, name: str, day: date) -> str:
    values = {"report": report, "name": name, "day": str(day)}
    return _FILLED_IN.sub(lambda found: values.get(found[1], found[0]), pattern)


def _cut(name: str, too_long: int, times: int) -> str:
    """The name that many bytes shorter, all the times it stands there together; never cut to nothing."""
    encoded = name.encode()
    left = len(encoded) - -(-too_long // max(times, 1))
    return encoded[: max(left, 0)].decode(errors="ignore").strip(" .-") or name[0]


def file_of(schedule: ReportSchedule, saved: SavedReport, day: date) -> Path:
    """The file that a run of this schedule writes if it is due on this day; ReportError if it can not."""
    name = file_name(
        schedule.file_name, report=saved.report, name=saved.name, day=day, ending=saved.file_format
    )
    return target_folder(schedule.folder) / name


def is_written_by_another(schedule: ReportSchedule, saved: SavedReport, day: date) -> bool:
    """Whether another schedule that is on writes the same file on this day; ReportError if it writes none.

    Names that differ in case alone are the same: on some systems the files are.
    """
    own = str(file_of(schedule, saved, day)).casefold()
    others = ReportSchedule.objects.filter(is_on=True, delivery=ReportSchedule.Delivery.FOLDER)
    for other in others.exclude(pk=schedule.pk).select_related("saved"):
        try:
            if str(file_of(other, other.saved, day)).casefold() == own:
                return True
        except ReportError:
            continue  # it writes no file at all
    return False


def target_folder(below: str) -> Path:
    """The folder itself, which need not be there yet. ReportError unless it lies in REPORT_FOLDER."""
    if not settings.REPORT_FOLDER:
        raise ReportError("No folder for reports is set: REPORT_FOLDER names it.")
    base = Path(settings.REPORT_FOLDER).resolve()
    parts = PurePosixPath(below.strip()).parts
    if "\\" in below or "\0" in below or any(part in ("/", "..") for part in parts):
        raise ReportError("The folder must lie within the folder for reports.")
    # Links are followed before it is judged: one that leads out is out.
    target = base.joinpath(*parts).resolve()
    if not target.is_relative_to(base):
        raise ReportError("The folder must lie within the folder for reports.")
    return target


def put(run: ReportRun, below: str, name: str) -> str:
    """Copy the run's file there, whole or not at all, and note where; repeated, it does the same again.

    A file that another schedule wrote stays: the run's is written beside it, and the sentence that this
    returns says so; "" otherwise. ReportError if it cannot be written.
    """
    source = kept_file(run)
    if source is None:
        raise ReportError("The file is not there any more.")
    target = target_folder(below)
    try:
        target.mkdir(parents=True, exist_ok=True)
        path = _claim(run, target_folder(below), name)
        _copy(source, path)
    except OSError as error:
        _note_place(run, "")
        raise ReportError(f"{target / name} cannot be written: {error.strerror}.") from None
    if path.name == name:
        return ""
    return (
        f"{name} was written by another scheduled report and was left as it is: this one is beside it, as "
        f"{path.name}. Give one of the two another folder or file name."
    )


def _claim(run: ReportRun, target: Path, name: str) -> Path:
    """The first of the run's names that is not another schedule's, noted as the place where it goes.

    Noted before it is looked at: of two that are made at once each sees the other's.
    """
    for tried in _names(run, name):
        _note_place(run, str(target / tried))
        if not _is_of_another(run, target / tried):
            break
    return target / tried


def _names(run: ReportRun, name: str) -> Iterator[str]:
    """The name, then such as no other schedule has; the same ones for each run of a schedule."""
    yield name
    stem, _, ending = name.rpartition(".")
    for number in count(1):
        again = f"-{number}" if number > 1 else ""
        yield f"{stem}-schedule-{run.schedule_id}{again}.{ending}"


def _is_of_another(run: ReportRun, path: Path) -> bool:
    """Whether another schedule wrote this file last, or is writing it."""
    runs = ReportRun.objects.filter(where_to=str(path)).exclude(pk=run.pk)
    others = runs.exclude(schedule=run.schedule_id)
    if others.open().exists():
        return True
    last = runs.exclude(finished_at=None).order_by("-finished_at", "-pk").first()
    return last is not None and last.schedule_id != run.schedule_id and path.exists()


def _note_place(run: ReportRun, place: str) -> None:
    run.where_to = place
    run.save(update_fields=["where_to"])


def _copy(source: Path, path: Path) -> None:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        with source.open("rb") as read, beside.open("xb") as write:
            shutil.copyfileobj(read, write, 1 << 20)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


# --- Retention --------------------------------------------------------------------------------


def forget(now: datetime) -> int:
    """Remove the files of old runs, then the rows of very old ones. How many files."""
    forgotten = 0
    old = ReportRun.objects.filter(finished_at__lt=now - timedelta(days=settings.KEEP_REPORTS_DAYS))
    for run in old.exclude(kept_path="").iterator():
        (Path(settings.DATA_DIR) / run.kept_path).unlink(missing_ok=True)
        ReportRun.objects.filter(pk=run.pk).update(kept_path="")
        forgotten += 1
    ReportRun.objects.filter(finished_at__lt=now - KEEP_RUNS, kept_path="").delete()
    return forgotten + _forget_left(now)


def _forget_left(now: datetime) -> int:
    """Files of which no run knows: it was killed between the file and the row."""
    limit = (now - LEFT_AFTER).timestamp()
    old = [path for path in folder().glob("*") if path.is_file() and path.stat().st_mtime < limit]
    names = {str(path.relative_to(settings.DATA_DIR)): path for path in old}
    known = set(ReportRun.objects.filter(kept_path__in=list(names)).values_list("kept_path", flat=True))
    left = [path for name, path in names.items() if name not in known]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)
