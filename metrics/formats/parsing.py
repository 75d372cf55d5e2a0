"""Records → parsed rows, in this process or in others that do nothing else.

Decoding, hashing and compressing a line costs more than writing its row. On a second processor they
run beside the writing; the order of the records stays. A file of lines on disk is read by the others,
too: only what came of a line travels here.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from metrics.breakdowns import pack
from metrics.formats.errors import BadRecord
from metrics.formats.records import MAX_RECORD_BYTES, Broken, Record, Records, lines
from metrics.formats.scanner import SPACE
from metrics.formats.users import UserDayGlimpse, UserDayRecord, glimpse_user_day, parse_user_day

Parse = Callable[[bytes, Mapping[str, Any]], Any]

# Two, though the writer needs a processor, too: it waits for its database often enough.
WORKERS = 2
# Lines, or bytes of a file, that another process goes through at a time: 2 MB of them.
CHUNK = 500
PIECE = 2 * 1024 * 1024
# Chunks on their way: enough that neither side waits, few enough that memory stays flat.
AHEAD = 12


class Piece(NamedTuple):
    """Some lines of a file, all whole."""

    path: Path
    start: int
    end: int

    def read(self) -> bytes:
        """The lines; of one beyond all limits, which can only be the last, enough to show that it is."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read(min(self.end - self.start, PIECE + MAX_RECORD_BYTES + 1))


class Origin:
    """Where the text of some records is to be had, should somebody ask for it."""

    __slots__ = ("_first", "_lines", "_piece")

    def __init__(self, piece: Piece, first: int) -> None:
        """`first`: the number of the piece's first line."""
        self._piece = piece
        self._first = first
        self._lines: list[bytes] | None = None

    def line(self, number: int) -> bytes:
        """As the record's text was: without the white space around it."""
        if self._lines is None:
            self._lines = self._piece.read().split(b"\n")
        return self._lines[number - self._first].strip(SPACE)


def text_of(number: int, text: bytes | Origin) -> bytes:
    """The text of a record, which perhaps was left in the file."""
    return text if isinstance(text, bytes) else text.line(number)


class Parsed:
    """A record and what it says; its text is had again for the case that it is rejected later."""

    __slots__ = ("_text", "number", "value")

    def __init__(self, number: int, value: Any, text: bytes | Origin) -> None:
        self.number = number
        self.value = value
        self._text = text

    @property
    def raw(self) -> bytes:
        return text_of(self.number, self._text)


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


def parsed_beside(
    records: Iterable[Record | Broken], is_known: Callable[[], bool] = bool
) -> Iterator[Parsed | Broken]:
    """As `parsed` with `parse_packed_user_day`, in other processes.

    While `is_known` says that most lines have been met before, a plain line is not parsed but only
    glimpsed at: its value is a UserDayGlimpse, and to parse it is left to whoever does not know it.
    """
    path = records.file_of_lines() if isinstance(records, Records) else None
    chunks = _chunks(records) if path is None else _pieces(path)
    with _helpers() as pool:
        waiting: deque[_Sent] = deque()
        passed = 0
        while True:
            while len(waiting) < AHEAD and (chunk := next(chunks, None)) is not None:
                waiting.append(_send(pool, chunk, glimpse=is_known()))
            if not waiting:
                return
            sent = waiting.popleft()
            if sent.future is None:
                yield from parsed(sent.records, parse_packed_user_day)
            elif sent.piece is None:
                yield from _received(sent)
            else:
                answer = sent.answer()
                yield from _received_piece(answer, passed, Origin(sent.piece, passed + 1))
                passed += answer.lines


@contextmanager
def _helpers() -> Iterator[ProcessPoolExecutor]:
    """The other processes; at the end, however that comes, what they have not begun is let go."""
    # Spawned, not forked: the child must not inherit open connections to the database.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(max_workers=WORKERS, mp_context=context, initializer=begin_to_help)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


class _Answer(msgspec.Struct, array_like=True, gc=False):
    """What came of some lines: a value, or the reason why there is none, for each record."""

    values: list[UserDayRecord | str]
    lines: int = 0
    # Of a piece: the line of each record, from 1; empty where every line is one.
    numbers: list[int] = []
    # The text of what is broken, or not a line of its own, by its place among the values.
    texts: dict[int, bytes] = {}
    cut: list[int] = []


class _GlimpsedAnswer(msgspec.Struct, array_like=True, gc=False):
    values: list[UserDayGlimpse | str]
    lines: int = 0
    numbers: list[int] = []
    texts: dict[int, bytes] = {}
    cut: list[int] = []


Answer = _Answer | _GlimpsedAnswer
_whole = msgspec.msgpack.Decoder(_Answer)
_glimpsed = msgspec.msgpack.Decoder(_GlimpsedAnswer)
_encoder = msgspec.msgpack.Encoder(decimal_format="string")


class _Sent(NamedTuple):
    """A chunk on its way: some records, or a piece of the file."""

    records: list[Record | Broken]
    piece: Piece | None
    future: Future[bytes] | None
    is_glimpse: bool

    def answer(self) -> Answer:
        assert self.future is not None  # noqa: S101 - what stays here has no answer
        return (_glimpsed if self.is_glimpse else _whole).decode(self.future.result())


def _chunks(records: Iterable[Record | Broken]) -> Iterator[list[Record | Broken]]:
    stream = iter(records)
    while chunk := list(islice(stream, CHUNK)):
        yield chunk


def _pieces(path: Path) -> Iterator[Piece]:
    """The whole file. A piece ends with the line that is there after so many bytes."""
    start, size = 0, path.stat().st_size
    with path.open("rb") as file:
        while start < size:
            file.seek(start + PIECE)
            while (part := file.readline(PIECE)) and not part.endswith(b"\n"):
                pass
            end = min(file.tell(), size)
            yield Piece(path, start, end)
            start = end


def _send(pool: ProcessPoolExecutor, chunk: list[Record | Broken] | Piece, *, glimpse: bool) -> _Sent:
    """Plain lines go to the other process; a chunk with wrapped records stays here."""
    if isinstance(chunk, Piece):
        return _Sent([], chunk, pool.submit(_parse_piece, chunk, glimpse), glimpse)
    if any(not isinstance(record, Broken) and record.header for record in chunk):
        return _Sent(chunk, None, None, glimpse)
    texts = [record.raw for record in chunk if not isinstance(record, Broken)]
    return _Sent(chunk, None, pool.submit(_parse_lines, texts, glimpse), glimpse)


def _received(sent: _Sent) -> Iterator[Parsed | Broken]:
    values = iter(sent.answer().values)
    for record in sent.records:
        if isinstance(record, Broken):
            yield record
            continue
        value = next(values)
        if isinstance(value, str):
            yield Broken(record.number, value, record.raw)
        else:
            if type(value) is UserDayGlimpse:
                value.number, value.text = record.number, record.raw
            yield Parsed(record.number, value, record.raw)


def _received_piece(answer: Answer, before: int, origin: Origin) -> Iterator[Parsed | Broken]:
    """`before`: the lines of the file before this piece."""
    texts = answer.texts
    for place, (number, value) in enumerate(zip(answer.numbers or count(1), answer.values)):  # noqa: B905
        text = texts.get(place) if texts else None
        if isinstance(value, str):
            yield Broken(before + number, value, text or b"", is_cut=place in answer.cut)
            continue
        number += before
        if type(value) is UserDayGlimpse:
            value.number, value.text = number, text or origin
        yield Parsed(number, value, text or origin)


# In the other process ---------------------------------------------------------------------------

# How much less urgent it is than what answers pages on the same machine.
LESS_URGENT = 5


def begin_to_help() -> None:
    """How a process begins that another one started for a part of its work."""
    # Whoever interrupts the import ends it, and that ends this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(LESS_URGENT)
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()


def _end_with_parent() -> None:
    """A killed import takes its helpers with it: they would wait for their next lines for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _parse_lines(texts: list[bytes], glimpse: bool) -> bytes:
    values: list[Any] = [_value(text, glimpse) for text in texts]
    return _encoder.encode(_GlimpsedAnswer(values) if glimpse else _Answer(values))


def _parse_piece(piece: Piece, glimpse: bool) -> bytes:
    data = piece.read()
    answer: Answer = _GlimpsedAnswer([]) if glimpse else _Answer([])
    values: list[Any] = answer.values
    texts: dict[int, bytes] = {}
    numbers: list[int] = []
    cut: list[int] = []
    before: Record | Broken | None = None
    for record in lines(io.BytesIO(data)):
        place = len(values)
        if isinstance(record, Broken):
            value: Any = record.reason
            if record.is_cut:
                cut.append(place)
        else:
            value = _value(record.raw, glimpse)
        if isinstance(value, str):
            texts[place] = record.raw
        if before is not None and before.number == record.number:
            # Two documents on one line: neither is the line's whole text.
            texts[place - 1], texts[place] = before.raw, record.raw
        before = record
        numbers.append(record.number)
        values.append(value)
    answer.lines = data.count(b"\n") + (not data.endswith(b"\n") if data else 0)
    answer.texts, answer.cut = texts, cut
    answer.numbers = [] if numbers == list(range(1, len(values) + 1)) else numbers
    return _encoder.encode(answer)


def _value(text: bytes, glimpse: bool) -> UserDayRecord | UserDayGlimpse | str:
    """What a line says, or the reason why it says nothing."""
    try:
        if glimpse:
            # Where even that fails, the whole line tells why.
            with suppress(BadRecord):
                return glimpse_user_day(text)
        return parse_packed_user_day(text, {})
    except BadRecord as error:
        return str(error)
