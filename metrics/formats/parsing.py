"""Records → parsed rows, in this process or in another that does nothing else.

Decoding, hashing and compressing a line costs more than writing its row. On a second processor they
run beside the writing; the order of the records stays.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from metrics.breakdowns import pack
from metrics.formats.errors import BadRecord
from metrics.formats.records import Broken, Record
from metrics.formats.users import UserDayRecord, parse_user_day

Parse = Callable[[bytes, Mapping[str, Any]], Any]

# Two, though the writer needs a processor, too: it waits for its database often enough.
WORKERS = 2
# Lines that travel to the other process at a time: 2 MB of them.
CHUNK = 500
# Chunks on their way: enough that neither side waits, few enough that memory stays flat.
AHEAD = 16


class Parsed(NamedTuple):
    """A record and what it says; `raw` is kept for the case that it is rejected later."""

    number: int
    value: Any
    raw: bytes


def parse_packed_user_day(raw: bytes, header: Mapping[str, Any]) -> UserDayRecord:
    """A person's day whose `rest` is the blob to be stored."""
    return parse_user_day(raw, header, pack)


def parsed(records: Iterable[Record | Broken], parse: Parse) -> Iterator[Parsed | Broken]:
    """Parse one record after the other; what is wrong with one makes it Broken."""
    for record in records:
        if isinstance(record, Broken):
            yield record
            continue
        try:
            yield Parsed(record.number, parse(record.raw, record.header), record.raw)
        except BadRecord as error:
            yield Broken(record.number, str(error), record.raw)


def can_share() -> bool:
    """Whether there is a processor to share with, and this process may start another."""
    return (os.cpu_count() or 1) > 1 and not multiprocessing.current_process().daemon


def parsed_beside(records: Iterable[Record | Broken]) -> Iterator[Parsed | Broken]:
    """As `parsed` with `parse_packed_user_day`, in another process."""
    stream = iter(records)
    waiting: deque[tuple[list[Record | Broken], Future[bytes] | None]] = deque()
    # Spawned, not forked: the child must not inherit open connections to the database.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=WORKERS, mp_context=context) as pool:
        while True:
            while len(waiting) < AHEAD and (chunk := list(islice(stream, CHUNK))):
                waiting.append((chunk, _send(pool, chunk)))
            if not waiting:
                return
            yield from _received(*waiting.popleft())


def _send(pool: ProcessPoolExecutor, chunk: list[Record | Broken]) -> Future[bytes] | None:
    """A chunk of plain lines goes to the other process; one with wrapped records stays here."""
    if any(not isinstance(record, Broken) and record.header for record in chunk):
        return None
    return pool.submit(_parse_lines, [record.raw for record in chunk if not isinstance(record, Broken)])


def _received(chunk: list[Record | Broken], future: Future[bytes] | None) -> Iterator[Parsed | Broken]:
    if future is None:
        yield from parsed(chunk, parse_packed_user_day)
        return
    values = iter(_answers.decode(future.result()))
    for record in chunk:
        if isinstance(record, Broken):
            yield record
            continue
        value = next(values)
        if isinstance(value, str):
            yield Broken(record.number, value, record.raw)
        else:
            yield Parsed(record.number, value, record.raw)


_answers = msgspec.msgpack.Decoder(list[UserDayRecord | str])
_encoder = msgspec.msgpack.Encoder(decimal_format="string")


def _parse_lines(lines: list[bytes]) -> bytes:
    """In the other process: a row, or the reason why there is none, for each line."""
    answers: list[UserDayRecord | str] = []
    for line in lines:
        try:
            answers.append(parse_packed_user_day(line, {}))
        except BadRecord as error:
            answers.append(str(error))
    return _encoder.encode(answers)
