"""Figures within sentences."""

from __future__ import annotations

from decimal import Decimal

import pytest

from metrics.dashboards.wording import led, listed, moved, percent, percents, several


@pytest.mark.parametrize(
    ("rate", "decimals", "read"),
    [
        ("0.314", 0, "31 %"),
        ("0.315", 0, "32 %"),
        ("0.314", 1, "31.4 %"),
        ("0", 0, "0 %"),
        ("1", 0, "100 %"),
        ("12.5", 0, "1,250 %"),
        ("0.001", 0, "less than 1 %"),
        ("0.001", 1, "0.1 %"),
        ("0.9967", 0, "more than 99 %"),
        ("0.9999", 1, "more than 99.9 %"),
        ("1.001", 0, "100 %"),
    ],
)
def test_a_rate_reads_as_percent(rate: str, decimals: int, read: str) -> None:
    assert percent(Decimal(rate), decimals) == read


def test_different_rates_read_differently() -> None:
    assert percents(Decimal("0.311"), Decimal("0.314")) == ("31.1 %", "31.4 %")
    assert percents(Decimal("0.31"), Decimal("0.38")) == ("31 %", "38 %")
    assert percents(Decimal("0.31"), Decimal("0.31")) == ("31 %", "31 %")


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ("0.31", "0.38", "Agent use grew from 31 % to 38 % (since May)."),
        ("0.38", "0.31", "Agent use fell from 38 % to 31 % (since May)."),
        ("0.31", "0.31", "Agent use stayed at 31 % (since May)."),
        ("0.31", "0.312", "Agent use grew from 31.0 % to 31.2 % (since May)."),
    ],
)
def test_a_rate_grows_falls_or_stays(before: str, now: str, said: str) -> None:
    assert moved("Agent use", Decimal(before), Decimal(now), "since May") == said


def test_nothing_moved_from_or_to_what_is_unknown() -> None:
    assert moved("Agent use", None, Decimal(1), "since May") == ""
    assert moved("Agent use", Decimal(1), None, "since May") == ""


def test_one_and_many() -> None:
    assert several(1, "person", "people") == "1 person"
    assert several(0, "person", "people") == "0 people"
    assert several(1234, "person", "people") == "1,234 people"


def test_names_in_a_row() -> None:
    assert listed([]) == ""
    assert listed(["Go"]) == "Go"
    assert listed(["Go", "Rust"]) == "Go and Rust"
    assert listed(["Go", "Rust", "Zig"]) == "Go, Rust and Zig"


def test_a_lead_shared_by_many_is_none() -> None:
    assert led(["Go"], "leads", "lead") == "Go leads"
    assert led(["Go", "Rust"], "leads", "lead") == "Go and Rust lead"
    assert led([], "leads", "lead") == led(["A", "B", "C", "D"], "leads", "lead") == ""
