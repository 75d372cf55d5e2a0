"""When the next request may go out: what GitHub asked for, kept by all threads and processes.

GitHub counts two ways: a primary allowance an hour, told in headers, and a secondary guard against bursts
that only shows when it strikes. Both answer 403 or 429.
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol

from portal.github.errors import GitHubError, RateLimited

LEAST_SECONDARY_WAIT = 60.0  # seconds, where GitHub does not say how long
LONGEST_WAIT = 86_400.0 * 7  # seconds; GitHub never asks for more than an hour
LONGEST_PAUSE = 30.0  # seconds before another try, however little patience there is
# GitHub allows 900 reads a minute of one endpoint; some room is left for other processes.
MOST_IN_A_WINDOW = 850
WINDOW = 60.0  # seconds
# Of a small allowance no more than such a part is kept back: with all of it nothing would ever be done.
_KEPT_BACK_SHARE = 5
_SLICE = 0.5  # seconds of sleep between two looks at whether to stop
_LOOK_EVERY = 0.1  # seconds between two looks at what other processes were told
_DIGITS = re.compile(r"\d+(\.\d*)?", re.ASCII)
_WORDS = re.compile(r"rate limit|secondary limit|abuse detection|too many requests", re.IGNORECASE)


class Limits(Protocol):
    """Where processes tell each other until when GitHub wants to hear nothing.

    Only ever called in the thread that called the client, so it may use a database.
    """

    def until(self) -> datetime | None:
        """No request before this; None where nothing holds."""

    def hold(self, until: datetime) -> None:
        """Let no request out before `until`. Never moves an earlier promise back."""


class InMemoryLimits:
    """Limits of this process alone."""

    def __init__(self) -> None:
        self._until: datetime | None = None

    def until(self) -> datetime | None:
        return self._until

    def hold(self, until: datetime) -> None:
        self._until = until if self._until is None else max(self._until, until)


@dataclass(frozen=True, slots=True)
class Wait:
    """What an answer asks for. `seconds` is None where it does not say how long."""

    seconds: float | None
    secondary: bool
    is_busy: bool = False  # a server in trouble asks for it: that is no matter of our rate


@dataclass(slots=True)
class Counted:
    """What a client did. `requests` counts every try; rates are those of the newest answer."""

    requests: int = 0
    pages: int = 0
    retries: int = 0
    downloads: int = 0
    bytes: int = 0
    not_modified: int = 0
    rate_limit_limit: int | None = None
    rate_limit_remaining: int | None = None
    rate_limit_reset: datetime | None = None
    notices: list[str] = field(default_factory=list)  # what GitHub announces: calls it will retire
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, **numbers: int) -> None:
        """Add to the counts named; threads may."""
        with self._lock:
            for name, number in numbers.items():
                setattr(self, name, getattr(self, name) + number)

    def note_rate(self, limit: int | None, remaining: int, reset: datetime) -> None:
        """The allowance an answer tells of. Answers overtake each other: the lower one is newer."""
        with self._lock:
            known, left = self.rate_limit_reset, self.rate_limit_remaining
            if known is not None and left is not None:
                if reset < known - timedelta(seconds=1):
                    return
                if abs(reset - known) <= timedelta(seconds=1):
                    remaining = min(remaining, left)
            self.rate_limit_limit, self.rate_limit_remaining = limit, remaining
            self.rate_limit_reset = reset


Headers = Mapping[str, str]


def read_date(headers: Headers) -> datetime | None:
    """The instant of the answer by the server's clock, UTC; None where it does not say."""
    return _http_date(headers.get("Date", ""))


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def read_retry_after(headers: Headers) -> float | None:
    """Seconds to wait, of `Retry-After` as a number or a date; None where it does not tell."""
    text = headers.get("Retry-After", "").strip()
    if _DIGITS.fullmatch(text):
        return min(float(text), LONGEST_WAIT)
    if (moment := _http_date(text)) is None:
        return None
    return _seconds_until(moment, headers)


def _seconds_until(moment: datetime, headers: Headers) -> float:
    """By the server's own clock, if it tells: ours may be wrong."""
    now = read_date(headers) or datetime.now(UTC)
    return min(max((moment - now).total_seconds(), 0.0), LONGEST_WAIT)


def read_reset(headers: Headers) -> float | None:
    """Seconds until the allowance of the next hour; None where the answer does not tell."""
    number = read_count(headers, "X-RateLimit-Reset")
    try:
        return None if number is None else _seconds_until(datetime.fromtimestamp(number, UTC), headers)
    except (ValueError, OverflowError, OSError):
        return None


def read_count(headers: Headers, name: str) -> int | None:
    """A whole number of a header; None where there is none."""
    text = headers.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def asked_to_wait(status: int, headers: Headers, message: str) -> Wait | None:
    """What a 403 or 429 asks for, in GitHub's order; None where it is no matter of rates at all."""
    if status not in (403, 429):
        return None
    is_used_up = read_count(headers, "X-RateLimit-Remaining") == 0
    if "Retry-After" in headers and (seconds := read_retry_after(headers)) is not None:
        return Wait(seconds, secondary=not is_used_up)
    if is_used_up and (seconds := read_reset(headers)) is not None:
        return Wait(seconds, secondary=False)
    if status == 429 or "Retry-After" in headers or _WORDS.search(message):
        return Wait(None, secondary=not is_used_up)
    return None


class Stopped(GitHubError):
    """The client was closed, or another thread's trouble ended the work this one was part of."""

    def __init__(self) -> None:
        super().__init__("The client was closed while it was at work.")


class Gate:
    """Every request passes it: it waits or refuses while GitHub wants to hear nothing.

    Waiting goes by a clock that nobody sets; only what is told to others is a time of day.
    """

    def __init__(
        self,
        limits: Limits,
        counted: Counted,
        *,
        patience: float,
        keep_back: int,
        should_stop: Callable[[], None] | None,
    ) -> None:
        self._limits = limits
        self._counted = counted
        self._patience = patience
        self._keep_back = keep_back
        self._should_stop = should_stop
        self._lock = threading.Lock()
        self._deadline = 0.0
        self._until: datetime | None = None
        self._why = Wait(0.0, secondary=False)
        self._sent: deque[float] = deque()
        self._reset_deadline = 0.0
        self._unsaid = 0  # waits in a row whose length GitHub left to us
        self._told: datetime | None = None  # what `limits` said last
        self._untold: datetime | None = None  # what it has not been told yet
        self._next_look = 0.0
        self._closed = threading.Event()
        self._thread = threading.local()

    # --- Passing --------------------------------------------------------------------------------

    def enter(self) -> None:
        """Return when a request may go out; raises RateLimited where that is further off than patience."""
        self.look(at_once=True)
        while (seconds := self._held()) > 0 or (seconds := self._paced()) > 0:
            self._sleep(min(seconds, _SLICE))
            self.look()
        self._check_stop()

    def may_pause(self, seconds: float, *, is_busy: bool = True) -> bool:
        """Whether so long a wait is within patience; for a server in trouble there is always some."""
        return seconds <= (max(self._patience, LONGEST_PAUSE) if is_busy else self._patience)

    def pause(self, seconds: float) -> None:
        """Sleep before the next try, and stop as soon as somebody wants it."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._sleep(min(left, _SLICE))
            self.look()

    def limited(self, status: int | None = None) -> RateLimited:
        """The error that says until when, and why."""
        with self._lock:
            keeps_back = self._keeps_back() and self._deadline <= time.monotonic()
            until, why = self._until, self._why
        left, reset = self._counted.rate_limit_remaining, self._counted.rate_limit_reset
        if keeps_back and reset is not None:
            says = f"Only {left} requests of this hour are left, and they are kept for more urgent work"
            return RateLimited(_until_when(says, reset), until=reset)
        until = until or datetime.now(UTC)
        if why.is_busy:
            says = "GitHub is in trouble and asks to be left alone for a while"
        elif why.secondary:
            says = "GitHub asks us to slow down (its secondary rate limit)"
        else:
            says = "The hour's allowance of requests to GitHub is used up"
        return RateLimited(_until_when(says, until), until=until, secondary=why.secondary, status=status)

    def _held(self) -> float:
        """Seconds for which nothing may be sent; raises RateLimited where that is beyond patience."""
        with self._lock:
            deadline, why = self._deadline, self._why
            if self._keeps_back() and self._reset_deadline > deadline:
                deadline, why = self._reset_deadline, Wait(None, secondary=False)
        seconds = deadline - time.monotonic()
        if seconds > 0 and not self.may_pause(seconds, is_busy=why.is_busy):
            self.look(at_once=True)
            raise self.limited()
        return seconds

    def _paced(self) -> float:
        """Seconds until the next request is not one too many for a minute; none, and it is counted."""
        with self._lock:
            now = time.monotonic()
            while self._sent and self._sent[0] <= now - WINDOW:
                self._sent.popleft()
            if len(self._sent) >= MOST_IN_A_WINDOW:
                return self._sent[0] + WINDOW - now
            self._sent.append(now)
            return 0.0

    def _keeps_back(self) -> bool:
        left, limit = self._counted.rate_limit_remaining, self._counted.rate_limit_limit
        kept = self._keep_back if limit is None else min(self._keep_back, limit // _KEPT_BACK_SHARE)
        return left is not None and left < kept

    # --- What answers tell ----------------------------------------------------------------------

    def hold(self, wait: Wait) -> None:
        """Let nothing out for as long as an answer asked."""
        now = time.monotonic()
        with self._lock:
            seconds = self._seconds(wait, now)
            if now + seconds > self._deadline:
                self._deadline = now + seconds
                self._until = self._untold = datetime.now(UTC) + timedelta(seconds=seconds)
                self._why = wait
        self.look(at_once=True)

    def _seconds(self, wait: Wait, now: float) -> float:
        if wait.seconds is not None:
            return wait.seconds
        # Several requests on their way meet the same refusal: that is one, not a row of them.
        if now >= self._deadline:
            self._unsaid += 1
        return float(min(LEAST_SECONDARY_WAIT * 2 ** max(self._unsaid - 1, 0), 3600.0))

    def note(self, status: int, headers: Headers) -> None:
        """Remember the allowance an answer tells of; with nothing left, wait for the next hour."""
        if status < 400:
            self._unsaid = 0
        if headers.get("X-RateLimit-Resource", "core") != "core":
            return
        remaining = read_count(headers, "X-RateLimit-Remaining")
        seconds = read_reset(headers)
        if remaining is None or seconds is None:
            return
        reset = datetime.now(UTC) + timedelta(seconds=seconds)
        self._counted.note_rate(read_count(headers, "X-RateLimit-Limit"), remaining, reset)
        with self._lock:
            self._reset_deadline = max(self._reset_deadline, time.monotonic() + seconds)
        if remaining == 0 and status < 400 and seconds > 0:
            self.hold(Wait(seconds, secondary=False))

    # --- Other threads, other processes ---------------------------------------------------------

    def look(self, *, at_once: bool = False) -> None:
        """Tell the other processes what we were told, and hear what they were; see whether to stop.

        Does nothing in a page thread: its caller's thread looks for it.
        """
        if self._halt is not self._closed:
            return
        with self._lock:
            untold, self._untold = self._untold, None
        if untold is not None:
            self._limits.hold(untold)
        now = time.monotonic()
        if at_once or now >= self._next_look:
            self._next_look = now + _LOOK_EVERY
            self._hear(self._limits.until())
        if self._should_stop is not None:
            self._should_stop()

    def _hear(self, until: datetime | None) -> None:
        with self._lock:
            if until is None or until == self._told or until == self._until:
                return
            self._told = until
            deadline = time.monotonic() + (until - datetime.now(UTC)).total_seconds()
            if deadline > self._deadline:
                self._deadline, self._until = deadline, until
                self._why = Wait(None, secondary=True)

    @contextmanager
    def in_page_thread(self, halt: threading.Event) -> Iterator[None]:
        """Within, this thread reads one page of several, until `halt` is set."""
        self._thread.halt = halt
        try:
            yield
        finally:
            del self._thread.halt

    def close(self) -> None:
        """Wake whoever waits; nothing passes any more."""
        self._closed.set()

    @property
    def _halt(self) -> threading.Event:
        halt: threading.Event = getattr(self._thread, "halt", self._closed)
        return halt

    def _sleep(self, seconds: float) -> None:
        self._halt.wait(seconds)
        self._check_stop()

    def _check_stop(self) -> None:
        if self._halt.is_set() or self._closed.is_set():
            raise Stopped


def _until_when(says: str, until: datetime) -> str:
    return f"{says}. Nothing is sent before {until:%Y-%m-%d %H:%M:%S} UTC; the work goes on after that."
