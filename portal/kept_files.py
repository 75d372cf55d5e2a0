"""The accepted files themselves, compressed, in private storage: days can be rebuilt from them."""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import zstandard
from django.conf import settings

BLOCK = 1024 * 1024
# Speed matters more than the last byte: the file is read by a person or a repair, if ever.
LEVEL = 1


def digest(blocks: Iterable[bytes]) -> tuple[str, int]:
    """sha256 and length of what these blocks hold."""
    sha256, size = hashlib.sha256(), 0
    for block in blocks:
        sha256.update(block)
        size += len(block)
    return sha256.hexdigest(), size


def keep(blocks: Iterable[bytes]) -> tuple[str, int, str]:
    """Store what these blocks hold; returns its sha256, its length and the path below DATA_DIR.

    Same content, same path.
    """
    folder = settings.DATA_DIR / "kept"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    sha256, size = hashlib.sha256(), 0
    temporary = folder / f".{os.getpid()}-{os.urandom(6).hex()}"
    try:
        with (
            _private(temporary) as file,
            zstandard.ZstdCompressor(level=LEVEL, threads=1).stream_writer(file, closefd=False) as writer,
        ):
            for block in blocks:
                sha256.update(block)
                size += len(block)
                writer.write(block)
        name = sha256.hexdigest()
        kept = folder / name[:2] / f"{name}.zst"
        kept.parent.mkdir(exist_ok=True, mode=0o700)
        temporary.replace(kept)
    finally:
        temporary.unlink(missing_ok=True)
    return name, size, str(kept.relative_to(settings.DATA_DIR))


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def opener(kept_path: str) -> Callable[[], BinaryIO]:
    """A function that opens a kept file for reading, unpacked."""

    def open_kept() -> BinaryIO:
        file = (settings.DATA_DIR / kept_path).open("rb")
        unpacked = zstandard.ZstdDecompressor().stream_reader(file, closefd=True)
        return cast("BinaryIO", io.BufferedReader(cast("io.RawIOBase", unpacked), BLOCK))

    return open_kept


class BeingTakenIn(Exception):
    """Another process is taking in the same file right now."""


@contextmanager
def sole_reader(sha256: str) -> Iterator[None]:
    """Hold the file for this process; a killed process lets go at once."""
    folder = settings.DATA_DIR / "locks"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / sha256
    with path.open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BeingTakenIn("Another process is taking in this file right now.") from None
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
