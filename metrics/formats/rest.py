"""What a record says beyond our columns, as one canonical JSON object, and the fingerprint of it all.

Two records that say the same give the same bytes, however they were spaced, in whatever order their
keys came, and whether their text was written plainly or escaped. Numbers stay as they were written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import blake2b
from operator import itemgetter

import msgspec

from metrics.formats.errors import BadRecord, reason_for, shown
from portal.github.records import check_text as check_text

# Whatever the exporting system keeps for itself: it changes from export to export.
HOUSEKEEPING = frozenset(
    {"etl_id", "day_partition", "entity_id_partition", "report_start_day", "report_end_day", "created_at"}
)

_END_OF_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+"', re.DOTALL)

_values = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text = msgspec.json.Decoder(str)
# As numbers they are looked for in a fraction of the time.
_BACKSLASH, _LF, _TAB, _CR = b"\\\n\t\r"
_STRUCTURE = frozenset(b'{}[],:" ')
_PLANS = 1_000
_FEW = 24  # more spaces than this are not worth looking at one by one


# How to get the values to keep, in order, and the object ready written but for them.
_Plan = tuple[Callable[[dict[str, msgspec.Raw]], tuple[msgspec.Raw, ...]], list[bytes | msgspec.Raw]]


class Remainder:
    """Takes from a record every key that is not a column, unknown ones included."""

    def __init__(self, columns: frozenset[str], known: frozenset[str]) -> None:
        """`known`: the keys whose values the typed decoder has checked already."""
        self._left_out = columns | HOUSEKEEPING
        self._known = known
        # A file has a handful of sets of keys; those with unknown ones are not kept, lest it grow.
        self._plans: dict[tuple[str, ...], _Plan] = {}

    def of(self, raw: bytes) -> bytes:
        """A compact JSON object with sorted keys."""
        values = _values.decode(raw)
        keys = tuple(values)
        plan = self._plans.get(keys)
        if plan is None:
            plan = self._plan(keys, values)
        pick, parts = plan[0], plan[1].copy()
        parts[1::2] = pick(values)
        joined = b"".join(parts)
        if _is_spaced(joined):
            joined = msgspec.json.format(joined, indent=-1)
        return _plainly(joined) if _BACKSLASH in joined else joined

    def _plan(self, keys: tuple[str, ...], values: dict[str, msgspec.Raw]) -> _Plan:
        unknown = [key for key in keys if key not in self._known and key not in self._left_out]
        for key in unknown:
            _check_unknown(key, values[key])
        kept = sorted(key for key in keys if key not in self._left_out)
        parts: list[bytes | msgspec.Raw] = []
        for place, key in enumerate(kept):
            parts += (b"," if place else b"{") + _label(key), b""
        plan = (_picker(kept), [*parts, b"}"] if kept else [b"{}"])
        if not unknown and len(self._plans) < _PLANS:
            self._plans[keys] = plan
        return plan


def _picker(keys: list[str]) -> Callable[[dict[str, msgspec.Raw]], tuple[msgspec.Raw, ...]]:
    if len(keys) > 1:
        return itemgetter(*keys)
    return lambda values: tuple(values[key] for key in keys)


def content_hash(columns: tuple[object, ...], rest: bytes) -> bytes:
    """16 bytes over the facts of a record."""
    digest = blake2b(repr(columns).encode(), digest_size=16)
    digest.update(rest)
    return digest.digest()


def _check_unknown(key: str, value: msgspec.Raw) -> None:
    """The decoder skips what it does not know without looking closely: numbers beyond any range."""
    try:
        msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError) as error:
        reason = reason_for(error, bytes(value))
        raise BadRecord(reason.replace("the record", f"`{shown(key)}`")) from None


def _plainly(text: bytes) -> bytes:
    """The strings of a JSON text with no more escapes than they need; all else stays byte for byte."""
    parts: list[bytes] = []
    done = 0
    # Nothing but strings holds a backslash, and before the first of one there is only its own quote.
    while (at := text.find(b"\\", done)) >= 0:
        begin = text.rindex(b'"', done, at)
        ended = _END_OF_STRING.match(text, at)
        end = ended.end() if ended else len(text)
        parts += text[done:begin], msgspec.json.encode(_text.decode(text[begin:end]))
        done = end
    return b"".join((*parts, text[done:]))


def _label(key: str) -> bytes:
    return msgspec.json.encode(key) + b":"


def _is_spaced(text: bytes) -> bool:
    """Whether there may be white space outside strings: beside it there is always structure."""
    if _LF in text or _TAB in text or _CR in text:
        return True
    at = text.find(b" ")
    for _ in range(_FEW):
        if at < 0:
            return False
        if text[at - 1] in _STRUCTURE or text[at + 1] in _STRUCTURE:
            return True
        at = text.find(b" ", at + 1)
    return at >= 0
