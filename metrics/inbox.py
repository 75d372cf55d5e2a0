"""The watched folder: what lands in IMPORT_INBOX is taken in, and put into done/ or failed/ with a report.

A file is taken by moving it into .taking/, which only one can do: two hosts that share the folder never
take the same file. Only regular files are looked at, no link is followed, and a file counts as complete
when nothing has touched it for a minute.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from django.conf import settings
from django.utils import timezone

from metrics.formats.sources import shown
from metrics.ingest.intake import settle, take_in
from metrics.ingest.options import FileOutcome, Options
from portal import jobs
from portal.models import ReportFile
from seats.models import Account

logger = logging.getLogger(__name__)

KIND, SUBJECT, DOORWAY = "take-in-inbox", "inbox", "metrics.tasks.take_in_inbox"
DONE, FAILED, TAKING = "done", "failed", ".taking"
QUIET_SECONDS = 60.0
# What somebody else took and has not touched for so long was left by a process that died.
ABANDONED_SECONDS = 600.0
MOST_DEATHS = 3
GOES_ON_AFTER_SECONDS = 1200.0
UNFINISHED = (".part", ".partial", ".filepart", ".tmp", ".crdownload", ".download", ".swp")
SHOWN_REJECTS = 1_000
CLAIM = "claim.json"


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that is ours now: where it lies, and where below the inbox it came from."""

    folder: Path
    came_from: PurePosixPath
    deaths: int = 0

    @property
    def path(self) -> Path:
        return self.folder / "file" / self.came_from.name

    @property
    def name(self) -> str:
        """Where it came from, for people to read."""
        return shown(self.came_from)


def inbox() -> Path | None:
    """The watched folder; None where there is none."""
    return Path(settings.IMPORT_INBOX) if settings.IMPORT_INBOX else None


def look() -> int:
    """Have the worker take in what has landed. How many files wait; a running job takes them, too."""
    folder = inbox()
    if folder is None:
        return 0
    try:
        waiting = sum(1 for _ in _waiting(folder)) + sum(1 for _ in _abandoned(folder))
    except OSError as error:
        logger.warning("The watched folder cannot be read: %s", error.strerror)
        return 0
    if waiting:
        jobs.enqueue(KIND, SUBJECT, DOORWAY, {})
    return waiting


def work(run: jobs.Run) -> dict[str, Any]:
    """Take in everything that is there, one file after the other."""
    folder = inbox()
    if folder is None:
        raise jobs.Refused("No folder is watched any more: IMPORT_INBOX is not set.")
    try:
        _make_room(folder)
    except OSError as error:
        raise jobs.Refused(f"The watched folder cannot be used: {error.strerror}.") from error
    tally: dict[str, Any] = {"done": 0, "failed": 0, **dict.fromkeys(ReportFile.ROW_COUNTS, 0)}
    began_at, some = time.monotonic(), False
    for taken in _take(folder):
        some = True
        outcomes = list(_take_in(taken, run, tally))
        is_done = _put_away(folder, taken, outcomes)
        tally["done" if is_done else "failed"] += 1
        run.tally = tally
        if time.monotonic() - began_at > GOES_ON_AFTER_SECONDS:
            raise jobs.Later(timezone.now(), "There is more in the folder: it goes on in a moment.")
    if some:
        settle(lambda *_: run.beat())
    return tally


# --- What is there ----------------------------------------------------------------------------


def _waiting(folder: Path) -> Iterator[PurePosixPath]:
    """Complete files below the folder, by their path in it, in order."""
    now = _now_of(folder)
    for path in _regular_files(folder, PurePosixPath()):
        status = (folder / path).lstat()
        # Whoever keeps an old time of change when copying cannot keep that of the node.
        if now - max(status.st_ctime, min(status.st_mtime, now)) >= QUIET_SECONDS:
            yield path


def _regular_files(folder: Path, below: PurePosixPath) -> Iterator[PurePosixPath]:
    with os.scandir(folder / below) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        name = entry.name
        is_ours = not below.parts and name in (DONE, FAILED)
        if is_ours or name.startswith((".", "~")) or name.lower().endswith(UNFINISHED):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _regular_files(folder, below / name)
        elif entry.is_file(follow_symlinks=False):
            yield below / name


def _now_of(folder: Path) -> float:
    """What time it is where the folder lies: on a shared disk another clock than ours stamps the files."""
    probe = folder / f".now-{secrets.token_hex(4)}"
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        return probe.lstat().st_ctime
    finally:
        probe.unlink(missing_ok=True)


def _make_room(folder: Path) -> None:
    for name, mode in ((DONE, 0o755), (FAILED, 0o755), (TAKING, 0o700)):
        path = folder / name
        with suppress(FileExistsError):
            path.mkdir(mode=mode)
        status = path.lstat()
        # Whoever may put files there shall not lead ours elsewhere.
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (os.geteuid(), 0):
            raise NotADirectoryError(0, f"{name} in it is no folder of the portal's own")


# --- Whose it is ------------------------------------------------------------------------------


def _take(folder: Path) -> Iterator[Taken]:
    """Make files ours, one after the other: those left by the dead first."""
    for left in list(_abandoned(folder)):
        if taken := _inherit(left):
            yield taken
    for path in list(_waiting(folder)):
        if taken := _claim(folder, path):
            yield taken


def _claim(folder: Path, path: PurePosixPath) -> Taken | None:
    claim = folder / TAKING / secrets.token_hex(8)
    taken = Taken(claim, path)
    taken.path.parent.mkdir(parents=True, mode=0o700)
    _write(claim / CLAIM, json.dumps({"came_from": str(path), "deaths": 0}))
    try:
        (folder / path).rename(taken.path)
        if not stat.S_ISREG(taken.path.lstat().st_mode):
            # It was replaced in this very moment.
            taken.path.unlink()
            raise FileNotFoundError
    except OSError:
        # Another host was faster, or it may not be moved.
        shutil.rmtree(claim, ignore_errors=True)
        return None
    return taken


def _abandoned(folder: Path) -> Iterator[Path]:
    taking = folder / TAKING
    if not taking.is_dir() or taking.is_symlink():
        return
    now = _now_of(folder)
    for claim in sorted(taking.iterdir()):
        with suppress(OSError):
            if now - (claim / CLAIM).lstat().st_mtime >= ABANDONED_SECONDS:
                yield claim


def _inherit(left: Path) -> Taken | None:
    """Go on with what a process that died had taken; only one can."""
    ours = left.with_name(secrets.token_hex(8))
    try:
        left.rename(ours)
        said = json.loads((ours / CLAIM).read_text())
    except (OSError, ValueError):
        return None
    taken = Taken(ours, PurePosixPath(said["came_from"]), said["deaths"] + 1)
    _write(ours / CLAIM, json.dumps({"came_from": said["came_from"], "deaths": taken.deaths}))
    if not taken.path.is_file():
        shutil.rmtree(ours, ignore_errors=True)
        return None
    return taken


def _options(came_from: PurePosixPath) -> Options | None:
    """The account that the folder names, for files that name none.

    A name that nobody knows is no account, unless a folder around it says that it is one.
    """
    folders = tuple(map(shown, came_from.parent.parts))
    if not folders:
        return None
    match folders:
        case ("organizations", name, *_):
            return Options(organization=name)
        case ("enterprises", name, *_):
            return Options(enterprise=name)
    name = folders[0]
    if Account.objects.named(Account.Kind.ORGANIZATION, name).exists():
        return Options(organization=name)
    if Account.objects.named(Account.Kind.ENTERPRISE, name).exists():
        return Options(enterprise=name)
    return None


# --- Taking in --------------------------------------------------------------------------------


def _take_in(taken: Taken, run: jobs.Run, tally: dict[str, Any]) -> Iterator[FileOutcome]:
    if taken.deaths >= MOST_DEATHS:
        yield FileOutcome(taken.name, error="The worker died of it several times: it is left to you.")
        return
    before = _status(taken.path)
    touched_at = time.monotonic()

    def tell(records: int, _rejected: int) -> None:
        nonlocal touched_at
        if time.monotonic() - touched_at > 5.0:
            touched_at = time.monotonic()
            os.utime(taken.folder / CLAIM)
        run.progress(tally["rows_read"] + records, None, f"{taken.name}: {records:,} records")

    try:
        outcomes = _with_account(taken, tell)
    except jobs.Stop:
        # Nobody else need wait: it is there again, and goes on where it was.
        _give_back(taken)
        raise
    if _status(taken.path) != before:
        yield FileOutcome(
            taken.name, error="It was still being written while it was read: put it there again."
        )
    for outcome in outcomes:
        for name, number in outcome.counts.as_dict().items():
            tally[name] += number
        yield outcome


def _with_account(taken: Taken, tell: Any) -> list[FileOutcome]:
    """As the file says itself whose it is; what does not say so is of the account its folder names."""

    def take(options: Options | None) -> list[FileOutcome]:
        return take_in(
            taken.path, source=ReportFile.Source.INBOX, options=options, progress=tell, settle_after=False
        )

    outcomes = take(None)
    if not any(outcome.is_refused for outcome in outcomes) or (named := _options(taken.came_from)) is None:
        return outcomes
    again = {outcome.member: outcome for outcome in take(named)}
    return [again.get(old.member, old) if old.is_refused else old for old in outcomes]


def _status(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_size, status.st_mtime_ns


def _give_back(taken: Taken) -> None:
    home = taken.folder.parent.parent / taken.came_from
    with suppress(OSError):
        home.parent.mkdir(parents=True, exist_ok=True)
        # Never over another file that has come meanwhile.
        os.link(taken.path, home, follow_symlinks=False)
        shutil.rmtree(taken.folder, ignore_errors=True)


# --- Afterwards -------------------------------------------------------------------------------


def _put_away(folder: Path, taken: Taken, outcomes: Sequence[FileOutcome]) -> bool:
    """Into done/ or, where anything was refused, failed/; the report lies beside it. Whether all is well."""
    is_done = bool(outcomes) and not any(outcome.is_refused for outcome in outcomes)
    place = folder / (DONE if is_done else FAILED) / f"{timezone.now():%Y-%m-%d}" / taken.came_from.parent
    place.mkdir(parents=True, exist_ok=True)
    path = _free_name(place, taken.came_from.name)
    _write(Path(f"{path}.report.json"), json.dumps(_as_json(taken, outcomes), ensure_ascii=False, indent=2))
    _write(Path(f"{path}.report.txt"), "\n".join(_as_text(taken, outcomes)) + "\n")
    taken.path.rename(path)
    shutil.rmtree(taken.folder, ignore_errors=True)
    return is_done


def _free_name(place: Path, name: str) -> Path:
    """The name, or with a number where it is taken; kept for us by an empty report."""
    stem, dot, suffix = name.partition(".")
    for number in range(1, 10_000):
        path = place / (name if number == 1 else f"{stem}-{number}{dot}{suffix}")
        with suppress(FileExistsError):
            if path.exists():
                continue
            os.close(os.open(f"{path}.report.json", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
            return path
    raise FileExistsError(f"{name} is there ten thousand times")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="replace")


def _as_json(taken: Taken, outcomes: Iterable[FileOutcome]) -> dict[str, Any]:
    files = []
    for outcome in outcomes:
        told = {**outcome.as_json(), "path": taken.name}
        told["rejected"] = told["rejected"][:SHOWN_REJECTS]
        if outcome.report_file is not None:
            told["report_file"] = outcome.report_file.pk
        files.append(told)
    return {"file": taken.name, "taken_in_at": datetime.now(UTC).isoformat(), "files": files}


def _as_text(taken: Taken, outcomes: Iterable[FileOutcome]) -> Iterator[str]:
    yield f"{taken.name}, {timezone.now():%Y-%m-%d %H:%M} UTC"
    for outcome in outcomes:
        yield ""
        if outcome.member:
            yield f"{outcome.member}:"
        if outcome.is_refused:
            yield f"Not taken in. {outcome.error}"
            continue
        counts = outcome.counts.as_dict()
        yield f"Taken in as {outcome.kind}: {counts.pop('rows_read'):,} rows read."
        yield ", ".join(f"{number:,} {name.removeprefix('rows_')}" for name, number in counts.items()) + "."
        yield from outcome.notes
        yield from (f"Line {line}: {reason}" for line, reason in outcome.rejected[:SHOWN_REJECTS])
        if len(outcome.rejected) > SHOWN_REJECTS:
            yield f"and {len(outcome.rejected) - SHOWN_REJECTS:,} more rejected lines."
