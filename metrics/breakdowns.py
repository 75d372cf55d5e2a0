"""Everything of a report line that is not a column, compressed: the only reader and writer of the blob.

Layout: one byte that names codec and layout, then the payload. 1 = zstd over a compact JSON object.
"""

from __future__ import annotations

import threading
from typing import Any

import msgspec
import zstandard

ZSTD_JSON = b"\x01"


class _Zstd(threading.local):
    """A thread's own: zstandard's objects let go of the lock of Python and are not to be shared."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=3, write_content_size=True).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


_zstd = _Zstd()
_decoder = msgspec.json.Decoder()
# Far beyond any line the readers let through: a blob that claims more is damaged.
_LARGEST = 64 * 1024 * 1024


class DamagedBlob(Exception):
    """A stored blob cannot be read back."""


def pack(rest: bytes) -> bytes:
    """The blob for a compact JSON object."""
    return ZSTD_JSON + _zstd.compress(rest)


def payload(blob: bytes | memoryview) -> bytes:
    """The JSON text of a blob, for who decodes a part of it."""
    data = bytes(blob)
    if data[:1] != ZSTD_JSON:
        raise DamagedBlob(f"unknown codec {data[:1]!r}")
    try:
        return _zstd.decompress(data[1:], max_output_size=_LARGEST)
    except zstandard.ZstdError as error:
        raise DamagedBlob(str(error)) from error


def unpack(blob: bytes | memoryview) -> dict[str, Any]:
    """The keys of the line that are not columns, as GitHub sent them."""
    text = payload(blob)
    try:
        rest = _decoder.decode(text)
    except msgspec.DecodeError as error:
        raise DamagedBlob(str(error)) from error
    if not isinstance(rest, dict):
        raise DamagedBlob("not an object")
    return rest
