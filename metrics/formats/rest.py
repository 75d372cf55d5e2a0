"""What a record says beyond our columns, as one canonical JSON object, and the fingerprint of it all.

Two records that say the same give the same bytes, however they were spaced and in whatever order
their keys came.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from metrics.formats.errors import BadRecord, reason_for

# Whatever the exporting system keeps for itself: it changes from export to export.
HOUSEKEEPING = frozenset(
    {"etl_id", "day_partition", "entity_id_partition", "report_start_day", "report_end_day", "created_at"}
)

_values = msgspec.json.Decoder(dict[str, msgspec.Raw])
_STRUCTURE = frozenset(b'{}[],:" ')
_FEW = 24  # more spaces than this are not worth looking at one by one


class Remainder:
    """Takes from a record every key that is not a column, unknown ones included."""

    def __init__(self, columns: frozenset[str], known: frozenset[str]) -> None:
        """`known`: the keys whose values the typed decoder has checked already."""
        self._left_out = columns | HOUSEKEEPING
        self._known = known
        # Key → its place in the object, ready written. Only known keys: it must not grow with the file.
        self._labels = {key: _label(key) for key in known - self._left_out}

    def of(self, raw: bytes) -> bytes:
        """A compact JSON object with sorted keys."""
        parts: list[bytes | msgspec.Raw] = []
        labels = self._labels
        values = _values.decode(raw)
        for key in sorted(values):
            label = labels.get(key)
            if label is None:
                if key in self._left_out:
                    continue
                _check_unknown(values[key])
                label = _label(key)
            parts.append(label)
            parts.append(values[key])
        parts.append(b"}")
        joined = b"".join(parts)
        joined = b"{" + joined[1:] if len(joined) > 1 else b"{}"
        return msgspec.json.format(joined, indent=-1) if _is_spaced(joined) else joined


def content_hash(columns: tuple[object, ...], rest: bytes) -> bytes:
    """16 bytes over the facts of a record."""
    return blake2b(b"%b\n%b" % (repr(columns).encode(), rest), digest_size=16).digest()


def check_text(raw: bytes) -> None:
    """Refuses what no database keeps: text that is not UTF-8, and NUL characters."""
    if not raw.isascii():
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            raise BadRecord(reason_for(error, raw)) from None
    if b"\\u0000" in raw and "\0" in _texts(msgspec.json.decode(raw)):
        raise BadRecord("a text of the record holds a NUL character")


def _texts(value: object) -> str:
    """All text of a decoded value, joined."""
    if isinstance(value, dict):
        return "".join(_texts(key) + _texts(item) for key, item in value.items())
    if isinstance(value, list):
        return "".join(_texts(item) for item in value)
    return value if isinstance(value, str) else ""


def _check_unknown(value: msgspec.Raw) -> None:
    """The decoder skips what it does not know without looking closely: numbers beyond any range."""
    try:
        msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRecord(reason_for(error, bytes(value))) from None


def _label(key: str) -> bytes:
    return b"," + msgspec.json.encode(key) + b":"


def _is_spaced(text: bytes) -> bool:
    """Whether there may be white space outside strings: beside it there is always structure."""
    if b"\n" in text or b"\t" in text or b"\r" in text:
        return True
    at = text.find(b" ")
    for _ in range(_FEW):
        if at < 0:
            return False
        if text[at - 1] in _STRUCTURE or text[at + 1] in _STRUCTURE:
            return True
        at = text.find(b" ", at + 1)
    return at >= 0
