"""Files on their way in: kept in private, bound to whoever sent them, previewed, then taken in or removed.

An upload is one folder under DATA_DIR/incoming with the files as received, what the preview found and
what came of taking them in. Nothing else is written before somebody confirms.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from metrics.ingest.options import Options
from portal import jobs
from portal.models import Job

# What one request may do while its sender waits; above it the worker does it. Packed files count for
# what they usually unpack to.
AT_ONCE_BYTES = 16 * 1024 * 1024
PACKED_FACTOR = 10
PACKED = (b"\x1f\x8b", b"PK\x03\x04")
KEEP = timedelta(days=1)
NAMED_FILES = 20
MANIFEST = "upload.json"
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")

PREVIEW = "preview-upload"
TAKE_IN = "take-in-upload"
DOORWAYS = {PREVIEW: "metrics.upload_work.preview_job", TAKE_IN: "metrics.upload_work.take_in_job"}
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
    # Of what came in parts: what the files are called where they come from, and what they must hold.
    titles: tuple[str, ...] = ()
    sha256: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        return incoming() / self.token

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

    @property
    def shown_names(self) -> tuple[str, ...]:
        return self.titles or self.names

    def job(self) -> Job | None:
        """The newest job about it."""
        return Job.objects.filter(subject=self.subject, kind__in=DOORWAYS).order_by("-id").first()

    def answer(self, kind: str) -> dict[str, Any] | None:
        """What the preview found, or what came of taking it in: `files`, a summary of each, and the
        preview's `figures`. None: not yet.
        """
        path = self.folder / ANSWERS[kind]
        if not path.is_file():
            return None
        told: dict[str, Any] = json.loads(path.read_text())
        return told

    def remove_files(self) -> None:
        """The bytes; what came of them stays to be shown."""
        shutil.rmtree(self.folder / "files", ignore_errors=True)

    def remove(self) -> None:
        """All of it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def incoming() -> Path:
    """The folder of all that is on its way in."""
    path: Path = settings.DATA_DIR / "incoming"
    return path


def receive(files: Iterable[UploadedFile[Any]], options: Options, by: Any) -> Upload:
    """Store the bytes where only the portal reads them."""
    received = [(file, stored_name(file.name or "")) for file in files]
    upload = Upload(
        token=secrets.token_urlsafe(32),
        user_id=by.pk,
        names=tuple(name for _, name in received),
        size=sum(file.size or 0 for file, _ in received),
        work=sum(_work(file) for file, _ in received),
        options=written(options),
    )
    upload.folder.mkdir(mode=0o700, parents=True)
    for (file, _), path in zip(received, upload.paths, strict=True):
        path.parent.mkdir(mode=0o700, parents=True)
        _store(file.chunks(), path)
    # Last, and whole: a folder without it is no upload.
    write_json(upload.folder / MANIFEST, asdict(upload))
    return upload


def find(token: str, user: Any) -> Upload | None:
    """The upload of this token, if this user sent it."""
    if not TOKEN.fullmatch(token):
        return None
    upload = _read(incoming() / token)
    return upload if upload is not None and upload.user_id == user.pk else None


def of_user(user: Any) -> list[Upload]:
    """What this user has sent and neither taken in nor removed."""
    found = (_read(folder) for folder in sorted(incoming().glob("*")))
    return [
        upload
        for upload in found
        if upload is not None and upload.user_id == user.pk and upload.answer(TAKE_IN) is None
    ]


def _read(folder: Path) -> Upload | None:
    try:
        stored = json.loads((folder / MANIFEST).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    lists = {name: tuple(stored.get(name, ())) for name in ("names", "titles", "sha256")}
    return Upload(**{**stored, **lists})


def start(upload: Upload, kind: str, by: Any) -> Job:
    """Preview it or take it in: at once when it is small, else in the worker."""
    begin = jobs.run_here if upload.is_small else jobs.enqueue
    arguments = {
        "token": upload.token,
        "user": upload.user_id,
        "names": list(upload.shown_names[:NAMED_FILES]),
    }
    return begin(kind, upload.subject, DOORWAYS[kind], arguments, by)


def remove_left(now: datetime | None = None) -> int:
    """Remove what nobody confirmed within a day, and the results of what somebody did. How many."""
    now = now or timezone.now()
    removed = 0
    for folder in incoming().glob("*"):
        changed_at = datetime.fromtimestamp(folder.stat().st_mtime, UTC)
        busy = Job.objects.live().filter(subject=f"upload:{folder.name[:12]}")
        if changed_at < now - KEEP and not busy.exists():
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    return removed


def stored_name(name: str) -> str:
    """The last part of the name as given, short enough for any file system; nothing is derived from it."""
    name = name.replace("\\", "/").rpartition("/")[2].replace("\0", "")
    if name in (".", ".."):
        name = ""
    stem, dot, suffix = name.rpartition(".")
    if not stem:
        stem, dot, suffix = name, "", ""
    suffix = suffix[:20]
    while len(f"{stem}{dot}{suffix}".encode("utf-8", "surrogatepass")) > 200:
        stem = stem[:-1]
    return f"{stem}{dot}{suffix}".encode("utf-8", "replace").decode() or "unnamed"


def work_of(beginning: bytes, size: int) -> int:
    """What a file that begins so amounts to, unpacked."""
    return size * PACKED_FACTOR if beginning.startswith(PACKED) else size


def _work(file: UploadedFile[Any]) -> int:
    beginning = file.read(4)
    file.seek(0)
    return work_of(beginning, file.size or 0)


def _store(chunks: Iterable[bytes], path: Path) -> None:
    path.touch(mode=0o600, exist_ok=False)
    with path.open("wb") as stored:
        for chunk in chunks:
            stored.write(chunk)


def write_json(path: Path, value: Any) -> None:
    """Whole or not at all, and for the portal alone."""
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(value, ensure_ascii=False))
    draft.replace(path)


def written(options: Options) -> dict[str, Any]:
    """What was said with the files, as plain values."""
    told = asdict(options)
    del told["rehearsal"]
    return {**told, "taken_at": options.taken_at.isoformat() if options.taken_at else None}


def read_options(written: dict[str, Any], *, dry_run: bool, rehearsal: Any = None) -> Options:
    """What `written` wrote down."""
    taken_at = written["taken_at"]
    at = datetime.fromisoformat(taken_at) if taken_at else None
    return Options(**{**written, "taken_at": at, "dry_run": dry_run, "rehearsal": rehearsal})
