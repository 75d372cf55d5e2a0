"""A page made for tests of what holds pages together, and the few days it speaks of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

from metrics.dashboards.asked import Asked, Bucket
from metrics.dashboards.panel import Column, Drawing, Form, Headline, Kind, Linked, Panel, Row
from metrics.dashboards.registry import Page, page, pages
from metrics.models import ReportDay
from portal.models import ReportFile
from seats.models import Account

NEWEST = date(2026, 11, 19)  # a Thursday


@contextmanager
def toy_page(**options: Any) -> Iterator[Page]:
    """A page "toy" with a panel of each form, registered for as long as this lasts."""
    made = page("toy", "Toy page", "toys", 999, **options)
    try:
        _fill(made)
        yield made
    finally:
        del pages["toy"]


def _fill(made: Page) -> None:
    @made.opens_with
    def words(asked: Asked) -> list[str]:
        return [f"{asked.scope.label} was asked for {len(asked.days())} days.", "That is all."]

    @made.panel(
        "days", "Day after day", definition="The number of the day.", source="https://docs.github.com/copilot"
    )
    def days(asked: Asked) -> Panel:
        def values(bucket: Bucket) -> Row:
            return [None if bucket.last.day == 13 else bucket.last.day * 1000, len(bucket.days) / 8]

        return asked.over_time(
            [Column("number", "Number"), Column("share", "Share", Kind.RATE)],
            values,
            Drawing(Form.LINES, ["number", "share"]),
        )

    @made.panel("cells", "Cells", definition="Some cells.")
    def cells(asked: Asked) -> Panel:
        return Panel(
            columns=[Column("name", "Name", Kind.TEXT), Column("a", "A"), Column("b", "B")],
            rows=[["=1+1", Linked(12, "/seats/seat/?a=1&b=2"), None], ["<b>", 0, 1]],
            drawing=Drawing(Form.HEAT, ["a", "b"]),
            headlines=[
                Headline("People", 1234, before=1000),
                Headline("Rate", 0.314, Kind.RATE, before=0.2),
            ],
        )

    @made.panel("nothing", "Nothing", definition="Nothing at all.")
    def nothing(asked: Asked) -> Panel:
        return Panel(empty="Nothing <here>.")

    @made.panel("guarded", "Guarded", definition="Names.", permission="metrics.view_userday")
    def guarded(asked: Asked) -> Panel:
        return Panel(columns=[Column("name", "Name", Kind.TEXT)], rows=[["ana"]])

    @made.panel("broken", "Broken", definition="Fails.")
    def broken(asked: Asked) -> Panel:
        raise ValueError("broken on purpose")


def covered(account: Account, newest: date = NEWEST, days: int = 40) -> None:
    """Reports of the account's people were taken in for the days up to `newest`."""
    file, _ = ReportFile.objects.get_or_create(
        sha256="a" * 64, defaults={"source": "upload", "kind": "users", "name": "users.json", "size": 1}
    )
    ReportDay.objects.bulk_create(
        ReportDay(
            account=account,
            report=ReportDay.Report.USERS,
            day=newest - timedelta(days=number),
            file=file,
            observed_at=datetime(2026, 11, 20, 3, tzinfo=UTC),
        )
        for number in range(days)
    )
