"""What an answer asks to wait for, and the gate that keeps it."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from portal.github.errors import RateLimited
from portal.github.limits import (
    LONGEST_WAIT,
    Counted,
    Gate,
    InMemoryLimits,
    Stopped,
    Wait,
    asked_to_wait,
    read_retry_after,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)  # the clock's


def headers(**fields: Any) -> CaseInsensitiveDict[str]:
    """`x_ratelimit_remaining=0` as a header; with the server's Date."""
    told = {"Date": format_datetime(NOW, usegmt=True)}
    told |= {name.replace("_", "-"): str(value) for name, value in fields.items()}
    return CaseInsensitiveDict(told)


def gate(limits: InMemoryLimits | None = None, **options: Any) -> Gate:
    given = {"patience": 0.0, "keep_back": 0, "should_stop": None} | options
    return Gate(limits or InMemoryLimits(), given.pop("counted", None) or Counted(), **given)


# --- What an answer asks for --------------------------------------------------------------------


@pytest.mark.parametrize("status", [403, 429])
def test_retry_after_comes_first(status: int) -> None:
    told = headers(retry_after=7, x_ratelimit_remaining=0, x_ratelimit_reset=int(NOW.timestamp()) + 900)
    assert asked_to_wait(status, told, "") == Wait(7.0, secondary=False)
    assert asked_to_wait(status, headers(retry_after=7), "") == Wait(7.0, secondary=True)


@pytest.mark.parametrize("status", [403, 429])
def test_with_nothing_left_the_reset_counts(status: int) -> None:
    told = headers(x_ratelimit_remaining=0, x_ratelimit_reset=int(NOW.timestamp()) + 900)
    assert asked_to_wait(status, told, "") == Wait(900.0, secondary=False)


def test_without_a_time_it_is_ours_to_choose() -> None:
    assert asked_to_wait(429, headers(), "") == Wait(None, secondary=True)
    message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    assert asked_to_wait(403, headers(x_ratelimit_remaining=4999), message) == Wait(None, secondary=True)
    assert asked_to_wait(403, headers(retry_after="soon"), "") == Wait(None, secondary=True)


def test_another_403_is_no_matter_of_rates() -> None:
    told = headers(x_ratelimit_remaining=4999, x_ratelimit_reset=int(NOW.timestamp()) + 900)
    assert asked_to_wait(403, told, "Resource not accessible by integration") is None
    assert asked_to_wait(403, headers(), "") is None


@pytest.mark.parametrize("status", [200, 401, 404, 422, 500])
def test_other_statuses_ask_for_no_wait(status: int) -> None:
    assert asked_to_wait(status, headers(retry_after=7, x_ratelimit_remaining=0), "rate limit") is None


@pytest.mark.usefixtures("clock")
def test_the_reset_is_reckoned_by_the_servers_clock() -> None:
    """Ours stands at noon, GitHub's an hour later: the reset is in a minute, not in an hour and a minute."""
    late = NOW + timedelta(hours=1)
    told = headers(x_ratelimit_remaining=0, x_ratelimit_reset=int(late.timestamp()) + 60)
    told["Date"] = format_datetime(late, usegmt=True)
    assert asked_to_wait(403, told, "") == Wait(60.0, secondary=False)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("60", 60.0),
        (" 60 ", 60.0),
        ("1.5", 1.5),
        ("9" * 30, LONGEST_WAIT),
        (format_datetime(NOW + timedelta(minutes=2), usegmt=True), 120.0),
        (format_datetime(NOW - timedelta(minutes=2), usegmt=True), 0.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    assert read_retry_after(headers(retry_after=text)) == seconds


@given(st.integers(0, 10**7))
def test_every_number_of_seconds_is_kept(seconds: int) -> None:
    assert read_retry_after(headers(retry_after=seconds)) == min(seconds, LONGEST_WAIT)


@given(
    text=st.text(max_size=40)
    | st.from_regex(r"[A-Z][a-z]{2}, \d+ \w+ \d+ \d+:\d+:\d+ [A-Z0-9+-]+", fullmatch=True),
    remaining=st.text(max_size=5) | st.integers().map(str),
    reset=st.text(max_size=5) | st.integers().map(str),
    date=st.text(max_size=30),
    message=st.text(max_size=30),
)
def test_no_headers_break_the_reading(text: str, remaining: str, reset: str, date: str, message: str) -> None:
    told = headers(retry_after=text, x_ratelimit_remaining=remaining, x_ratelimit_reset=reset, date=date)
    wait = asked_to_wait(403, told, message)
    assert wait is not None, "the header alone says that it is a limit"
    assert wait.seconds is None or 0 <= wait.seconds <= LONGEST_WAIT


# --- The gate -----------------------------------------------------------------------------------


def test_nothing_passes_before_the_time_that_was_asked_for() -> None:
    held = gate(patience=5)
    held.hold(Wait(0.2, secondary=True))
    began = time.monotonic()
    held.enter()
    assert time.monotonic() - began >= 0.19


@pytest.mark.usefixtures("clock")
def test_what_is_longer_than_patience_is_refused_with_the_time() -> None:
    held = gate(patience=5)
    held.hold(Wait(60, secondary=False))
    with pytest.raises(RateLimited, match="2026-11-20 12:01:00 UTC") as caught:
        held.enter()
    assert caught.value.until == NOW + timedelta(minutes=1)
    assert not caught.value.secondary


@pytest.mark.usefixtures("clock")
def test_the_longest_wait_holds() -> None:
    held = gate()
    held.hold(Wait(60, secondary=False))
    held.hold(Wait(5, secondary=True))
    with pytest.raises(RateLimited) as caught:
        held.enter()
    assert caught.value.until == NOW + timedelta(minutes=1)


@pytest.mark.usefixtures("clock")
def test_processes_hear_of_each_others_waits() -> None:
    shared = InMemoryLimits()
    gate(shared).hold(Wait(60, secondary=True))
    assert shared.until() == NOW + timedelta(minutes=1)
    with pytest.raises(RateLimited) as caught:
        gate(shared).enter()
    assert caught.value.until == NOW + timedelta(minutes=1)


@pytest.mark.usefixtures("clock")
def test_a_wait_that_was_heard_of_ends_also_when_the_clock_stands_still() -> None:
    shared = InMemoryLimits()
    shared.hold(NOW + timedelta(seconds=0.2))
    began = time.monotonic()
    gate(shared, patience=1).enter()
    assert 0.15 <= time.monotonic() - began < 20


def test_a_wait_left_to_us_doubles_from_a_minute_on(
    clock: time_machine.Coordinates, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = gate()
    waits = []
    for _ in range(4):
        held.hold(Wait(None, secondary=True))
        held.hold(Wait(None, secondary=True))  # another request that was on its way: the same refusal
        waits.append(_seconds_left(held))
        _let_it_pass(held, clock, monkeypatch)
    assert waits == [60, 120, 240, 480]
    held.note(200, headers())
    held.hold(Wait(None, secondary=True))
    assert _seconds_left(held) == 60


def _seconds_left(held: Gate) -> int:
    return round(held._deadline - time.monotonic())


def _let_it_pass(held: Gate, clock: time_machine.Coordinates, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.shift(_seconds_left(held) + 1)
    over = held._deadline + 1
    monkeypatch.setattr(time, "monotonic", lambda: over)


@pytest.mark.usefixtures("clock")
def test_the_last_request_of_the_hour_lets_nothing_follow_it() -> None:
    shared = InMemoryLimits()
    held = gate(shared)
    held.note(200, headers(x_ratelimit_remaining=0, x_ratelimit_reset=int(NOW.timestamp()) + 900))
    with pytest.raises(RateLimited, match="allowance"):
        held.enter()
    assert shared.until() == NOW + timedelta(minutes=15)


@pytest.mark.usefixtures("clock")
def test_what_is_kept_back_is_left_to_others() -> None:
    counted, shared = Counted(), InMemoryLimits()
    held = gate(shared, counted=counted, keep_back=500)
    reset = int(NOW.timestamp()) + 900
    held.note(200, headers(x_ratelimit_remaining=500, x_ratelimit_reset=reset))
    held.enter()
    held.note(200, headers(x_ratelimit_remaining=499, x_ratelimit_reset=reset))
    with pytest.raises(RateLimited, match="Only 499 requests") as caught:
        held.enter()
    assert caught.value.until == NOW + timedelta(minutes=15)
    assert shared.until() is None, "only this client holds back"


@pytest.mark.usefixtures("clock")
def test_of_a_small_allowance_a_fifth_is_kept_back() -> None:
    """Or else a server that grants less than that would be asked once an hour."""
    held = gate(keep_back=500)
    reset = int(NOW.timestamp()) + 900
    for left in range(49, 9, -1):
        held.note(200, headers(x_ratelimit_limit=50, x_ratelimit_remaining=left, x_ratelimit_reset=reset))
        held.enter()
    held.note(200, headers(x_ratelimit_limit=50, x_ratelimit_remaining=9, x_ratelimit_reset=reset))
    with pytest.raises(RateLimited, match="Only 9 requests"):
        held.enter()


@pytest.mark.usefixtures("clock")
def test_an_allowance_of_another_kind_holds_nothing() -> None:
    held = gate()
    told = headers(
        x_ratelimit_remaining=0, x_ratelimit_reset=int(NOW.timestamp()) + 900, x_ratelimit_resource="search"
    )
    held.note(200, told)
    held.enter()


@pytest.mark.usefixtures("clock")
def test_the_rate_is_that_of_the_newest_answer() -> None:
    counted = Counted()
    held = gate(counted=counted)
    reset = int(NOW.timestamp()) + 900
    for remaining in (4999, 4997, 4998):  # answers overtake each other
        held.note(
            200, headers(x_ratelimit_limit=5000, x_ratelimit_remaining=remaining, x_ratelimit_reset=reset)
        )
    assert (counted.rate_limit_limit, counted.rate_limit_remaining) == (5000, 4997)
    held.note(
        200, headers(x_ratelimit_limit=5000, x_ratelimit_remaining=4999, x_ratelimit_reset=reset + 3600)
    )
    assert counted.rate_limit_remaining == 4999
    assert counted.rate_limit_reset == NOW + timedelta(seconds=4500)


def test_whoever_waits_stops_when_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.github.limits._SLICE", 0.02)

    class Cancelled(Exception):
        pass

    looks = []

    def should_stop() -> None:
        looks.append(1)
        if len(looks) > 2:
            raise Cancelled

    held = gate(patience=60, should_stop=should_stop)
    began = time.monotonic()
    with pytest.raises(Cancelled):
        held.pause(30)
    assert time.monotonic() - began < 20


def test_a_closed_gate_lets_nobody_pass_and_wakes_who_waits() -> None:
    held = gate(patience=60)
    held.hold(Wait(30, secondary=True))
    threading.Timer(0.05, held.close).start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        held.enter()
    assert time.monotonic() - began < 20
