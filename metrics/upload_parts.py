"""An upload that comes in parts: a large file in pieces, which may break off and go on where it did.

The server alone knows which bytes it has; a browser asks, sends what is missing and says at the end what
sha256 each file has. What does not come to its end within a day is removed like any upload left lying.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings

from metrics import uploads
from metrics.ingest.options import Options
from metrics.uploads import Upload, incoming, stored_name, work_of, write_json, written

# What a browser sends at a time, at most; a slow line is sent smaller pieces.
PART_BYTES = 8 * 1024 * 1024
MOST_FILES = 2_000
BLOCK = 256 * 1024
CHECKED_AT_ONCE = 4 * 1024 * 1024
# Beside the upload itself the kept copy, the days and a preview's notes need room.
ROOM_LEFT = 512 * 1024 * 1024
MANIFEST = "receiving.json"
SHA256 = re.compile(r"[0-9a-f]{64}")


class NotReceived(Exception):
    """A part or an upload that is refused; str() is one sentence for whoever sends it."""


class Elsewhere(NotReceived):
    """The part is not the one that comes next; `received` says where that begins."""

    def __init__(self, received: int) -> None:
        super().__init__("This is not the part that comes next.")
        self.received = received


@dataclass(frozen=True, slots=True)
class Announced:
    """A file as the browser describes it before it sends it. Its name is shown, never opened."""

    name: str
    size: int
    modified: int = 0


@dataclass(frozen=True, slots=True)
class Receiving:
    """An upload whose bytes are still coming."""

    token: str
    user_id: int
    files: tuple[Announced, ...]
    options: dict[str, Any]

    @property
    def folder(self) -> Path:
        return incoming() / self.token

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    def path(self, number: int) -> Path:
        # The number leads, the name follows: two files of one name lie apart.
        return self.folder / "files" / str(number) / stored_name(self.files[number].name)

    @property
    def paths(self) -> list[Path]:
        return [self.path(number) for number in range(len(self.files))]

    def received(self) -> list[int]:
        """How many bytes of each file are here, from its beginning."""
        return [path.stat().st_size for path in self.paths]

    @property
    def received_size(self) -> int:
        return sum(self.received())

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def announced(described: Any) -> tuple[Announced, ...]:
    """The files a browser says it will send; raises NotReceived for what cannot be meant."""
    if not isinstance(described, list) or not described:
        raise NotReceived("Choose at least one file.")
    if len(described) > MOST_FILES:
        raise NotReceived(f"At most {MOST_FILES:,} files at once: put them into a zip, or send fewer.")
    return tuple(_announced(file) for file in described)


def _announced(file: Any) -> Announced:
    said = file if isinstance(file, dict) else {}
    name, size, modified = said.get("name"), said.get("size"), said.get("modified", 0)
    if not (isinstance(name, str) and type(size) is int and type(modified) is int and size >= 0):
        raise NotReceived("The browser did not say what the files are: load the page again.")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise NotReceived("A file's name holds half a character: rename it and choose it again.") from None
    # PostgreSQL has no text with a NUL in it.
    return Announced(name.replace("\0", "\ufffd")[-1000:], size, modified)


def begin(files: Sequence[Announced], options: Options, by: Any) -> Receiving:
    """Make room for these files; the same ones, said the same of, go on where they broke off."""
    said = written(options)
    waiting = of_user(by)
    for receiving in waiting:
        if receiving.files == tuple(files) and receiving.options == said:
            return receiving
    size = sum(file.size for file in files)
    limit = settings.MAX_UPLOAD_MB * 1024 * 1024
    if size > limit:
        raise NotReceived(f"Together these files are larger than {settings.MAX_UPLOAD_MB:,} MB.")
    if size + sum(receiving.size for receiving in waiting) > limit:
        raise NotReceived(
            "Together with your uploads that are not finished these files are larger than "
            f"{settings.MAX_UPLOAD_MB:,} MB: finish or remove one of those first."
        )
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    if size + ROOM_LEFT > shutil.disk_usage(settings.DATA_DIR).free:
        raise NotReceived("The server has no room for so much: tell whoever runs the portal.")
    receiving = Receiving(secrets.token_urlsafe(32), by.pk, tuple(files), said)
    receiving.folder.mkdir(mode=0o700, parents=True)
    for path in receiving.paths:
        path.parent.mkdir(mode=0o700, parents=True)
        path.touch(mode=0o600)
    write_json(receiving.folder / MANIFEST, asdict(receiving))
    return receiving


def find(token: str, user: Any) -> Receiving | None:
    """The upload of this token that is not finished, if this user sends it."""
    if not uploads.TOKEN.fullmatch(token):
        return None
    receiving = _read(incoming() / token)
    return receiving if receiving is not None and receiving.user_id == user.pk else None


def of_user(user: Any) -> list[Receiving]:
    """What this user has begun to send and not finished."""
    found = (_read(folder) for folder in sorted(incoming().glob("*")))
    return [receiving for receiving in found if receiving is not None and receiving.user_id == user.pk]


def _read(folder: Path) -> Receiving | None:
    try:
        stored = json.loads((folder / MANIFEST).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Receiving(**{**stored, "files": tuple(Announced(**file) for file in stored["files"])})


def append(receiving: Receiving, number: int, start: int, length: int, stream: BinaryIO) -> int:
    """Write the next part of a file, `length` bytes that begin at `start`; how many bytes are here now.

    What came before the line broke stays: the bytes of a file arrive in order.
    """
    if not 0 <= number < len(receiving.files):
        raise NotReceived("There is no such file in this upload.")
    with receiving.path(number).open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Elsewhere(os.fstat(file.fileno()).st_size) from None
        here = file.seek(0, os.SEEK_END)
        if start != here:
            raise Elsewhere(here)
        if not 0 < length <= 2 * PART_BYTES or here + length > receiving.files[number].size:
            raise NotReceived("The file has become larger than it was said to be: choose it again.")
        while length and (block := stream.read(min(BLOCK, length))):
            file.write(block)
            length -= len(block)
        here = file.tell()
    os.utime(receiving.folder)
    return here


def finish(receiving: Receiving, sha256: Sequence[Any]) -> Upload:
    """All bytes are here: an upload like any other. Whether they are the right ones its preview checks."""
    sizes = [file.size for file in receiving.files]
    if receiving.received() != sizes:
        raise NotReceived("Some of the bytes have not arrived yet.")
    are_hashes = all(isinstance(value, str) and SHA256.fullmatch(value) for value in sha256)
    if len(sha256) != len(sizes) or not are_hashes:
        raise NotReceived("The browser did not say which sha256 the files have.")
    upload = Upload(
        token=receiving.token,
        user_id=receiving.user_id,
        names=tuple(path.name for path in receiving.paths),
        size=receiving.size,
        work=sum(map(_work, receiving.paths)),
        options=receiving.options,
        titles=tuple(file.name for file in receiving.files),
        sha256=tuple(sha256),
    )
    write_json(receiving.folder / uploads.MANIFEST, asdict(upload))
    (receiving.folder / MANIFEST).unlink(missing_ok=True)
    return upload


def _work(path: Path) -> int:
    with path.open("rb") as file:
        return work_of(file.read(4), path.stat().st_size)


def check(upload: Upload, beat: Callable[[], None]) -> None:
    """Hold what came in parts against what was sent; raises NotReceived where they differ."""
    for path, title, sha256 in zip(upload.paths, upload.titles, upload.sha256, strict=False):
        told = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(CHECKED_AT_ONCE):
                told.update(block)
                beat()
        if told.hexdigest() != sha256:
            raise NotReceived(f"{title} did not arrive as it was sent: remove it and upload it again.")
