"""Policies, prices, exemptions and holidays as spreadsheets, out and in."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from portal.models import AuditEntry
from seats.models import (
    Account,
    Exemption,
    Holiday,
    InactivityPolicy,
    Seat,
    SeatPrice,
    Team,
    WorkingCalendar,
)
from tests.seats.holding import grant, hold, organization
from tests.seats.sheets.pages import bring, exported, sheet_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def acme() -> Account:
    return organization("acme")


def test_policies_go_out_with_their_scope_in_words(olga_client: Client, acme: Account) -> None:
    team = Team.objects.create(account=acme, github_id=1, slug="web")
    InactivityPolicy.objects.create(account=acme, idle_days=45)
    InactivityPolicy.objects.create(team=team, idle_days=60)

    rows = {row["scope"]: row["idle_days"] for row in exported(olga_client, "inactivitypolicy")}

    assert rows == {"everybody": "30", "organization:acme": "45", "team:acme/web": "60"}


def test_policies_come_in_change_verdicts_and_are_recorded(olga_client: Client, acme: Account) -> None:
    hold(acme, grant(1, "ana", used=40))
    Team.objects.create(account=acme, github_id=1, slug="web")

    sheet = "scope,idle_days,grace_days\neverybody,20,7\norganization:acme,50,7\nteam:acme/web,60,7\n"
    bring(olga_client, "inactivitypolicy", sheet)

    days = dict(InactivityPolicy.objects.values_list("scope_key", "idle_days"))
    assert sorted(days.values()) == [20, 50, 60]
    assert Seat.objects.get().verdict == "active"
    assert AuditEntry.objects.get(action="policy imported").detail["new"] == 2


def test_a_policy_goes_out_and_comes_in_whole(olga_client: Client, acme: Account) -> None:
    calendar = WorkingCalendar.objects.create(name="Office")
    InactivityPolicy.objects.create(
        account=acme, idle_days=45, grace_days=3, notice_days=5, sign_in_counts=True,
        working_calendar=calendar, keep_days=60, min_watched_days=9, needs_usage_reports=False,
        max_seats_per_run=1, max_percent_per_run=2, max_seats_per_day=3, max_percent_per_day=4,
        max_idle_jump=5, confirm_above=6, needs_second_person=True, mode="propose",
        starts_on="2026-01-01", ends_on="2026-12-31",
    )  # fmt: skip
    before = list(InactivityPolicy.objects.values())
    rows = exported(olga_client, "inactivitypolicy")
    row = next(row for row in rows if row["scope"] == "organization:acme")
    told = ("starts_on", "ends_on", "working_calendar", "sign_in_counts", "needs_usage_reports")
    assert [row[name] for name in told] == ["2026-01-01", "2026-12-31", "Office", "yes", "no"]

    InactivityPolicy.objects.filter(account=acme).delete()
    bring(olga_client, "inactivitypolicy", sheet_of(rows))

    kept = [
        {name: value for name, value in row.items() if name not in ("id", "changed_at")}
        for row in InactivityPolicy.objects.values()
    ]
    assert kept == [
        {name: value for name, value in row.items() if name not in ("id", "changed_at")} for row in before
    ]
    totals = AuditEntry.objects.get(action="policy imported").detail
    assert (totals["new"], totals["skip"]) == (1, 1)


def test_a_line_with_another_first_day_is_another_policy(olga_client: Client, acme: Account) -> None:
    InactivityPolicy.objects.create(account=acme, idle_days=45, starts_on="2026-01-01")

    bring(
        olga_client,
        "inactivitypolicy",
        "scope,starts_on,idle_days\norganization:acme,2026-12-01,60\norganization:acme,2026-01-01,50\n"
        "everybody,2026-12-01,20\n",
    )

    days = InactivityPolicy.objects.order_by("scope_key", "starts_on").values_list("starts_on", "idle_days")
    assert [(str(day), idle) for day, idle in days] == [
        ("2026-01-01", 50), ("2026-12-01", 60), ("2000-01-01", 30), ("2026-12-01", 20),
    ]  # fmt: skip


def test_what_a_file_changed_is_recorded_line_by_line(olga: Any, olga_client: Client, acme: Account) -> None:
    bring(olga_client, "inactivitypolicy", "scope,idle_days\neverybody,20\norganization:acme,50\n")

    everybody = InactivityPolicy.objects.get(scope_key="all")
    changed = AuditEntry.objects.get(action="policy changed")
    assert (changed.subject, changed.actor_name) == (f"policy:{everybody.pk}", "olga")
    assert changed.detail == {"idle_days": {"from": "30", "to": "20"}}
    added = AuditEntry.objects.get(action="policy added")
    assert added.subject == f"policy:{InactivityPolicy.objects.get(account=acme).pk}"


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("needs_second_person", "perhaps", "Write yes or no."),
        ("idle_days", "30.5", "Write a whole number."),
        ("idle_days", "4000", "less than or equal to 3650"),
        ("working_calendar", "Moon", "There is no working calendar"),
        ("mode", "always", "is not a valid choice"),
        ("ends_on", "2026-10-01", "cannot end"),
        ("starts_on", "soon", "Write a day as"),
        ("scope", "", "Write everybody"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named_by_line_and_column(
    olga_client: Client, column: str, value: str, says: str
) -> None:
    cells = {"scope": "everybody", "idle_days": "30", column: value}

    answer = bring(olga_client, "inactivitypolicy", sheet_of([cells]))

    [wrong] = answer.context["found"]["wrong"]
    assert wrong["number"] == 2
    assert says in " ".join(wrong["says"])
    assert wrong["column"] == ("" if column == "ends_on" else column)


@pytest.mark.parametrize(
    "line", ["organization:nobody,20,7", "team:acme/nobody,20,7", "everybody,0,7", "everybody,many,7"]
)
def test_one_wrong_line_keeps_the_whole_sheet_out(olga_client: Client, acme: Account, line: str) -> None:
    answer = bring(
        olga_client, "inactivitypolicy", f"scope,idle_days,grace_days\norganization:acme,50,7\n{line}\n"
    )

    assert InactivityPolicy.objects.get().idle_days == 30
    assert answer.context["found"]["wrong_rows"] == 1


def test_prices_come_in_by_account_plan_and_day(olga_client: Client, acme: Account) -> None:
    sheet = (
        "account,plan_type,monthly_price,currency,starts_on\n"
        "everybody,business,21.00,USD,2023-02-14\n"
        "organization:acme,business,17.50,EUR,2026-01-01\n"
    )
    bring(olga_client, "seatprice", sheet)

    assert SeatPrice.objects.get(account=None, plan_type="business").monthly_price == Decimal("21.00")
    assert SeatPrice.objects.get(account=acme).currency == "EUR"


def test_exemptions_go_out_and_in_unchanged(olga_client: Client, acme: Account) -> None:
    [seat] = hold(acme, grant(1, "ana", used=40))
    Exemption.objects.create(user=seat.user, account=acme, reason="=HYPERLINK(1)", starts_on="2026-11-01")

    [row] = exported(olga_client, "exemption")
    assert (row["login"], row["account"], row["reason"]) == ("ana", "organization:acme", "'=HYPERLINK(1)")

    bring(olga_client, "exemption", sheet_of([row]))
    assert Exemption.objects.get().reason == "=HYPERLINK(1)"


def test_exemptions_of_every_target_go_out_and_come_in(olga: Any, olga_client: Client, acme: Account) -> None:
    [seat] = hold(acme, grant(1, "ana", used=40))
    team = Team.objects.create(account=acme, github_id=1, slug="web")
    common = {"reason": "A pilot.", "starts_on": "2026-11-01", "until": "2026-12-01", "owner": "hr"}
    for target in (
        {"user": seat.user, "kind": "leave"}, {"team": team}, {"login_pattern": "svc-*", "account": acme},
        {"newcomer_days": 9},
    ):  # fmt: skip
        Exemption.objects.create(**common, **target)
    rows = exported(olga_client, "exemption")
    told = {row["login"] + row["team"] + row["login_pattern"] + row["newcomer_days"] for row in rows}
    assert told == {"9", "acme/web", "ana", "svc-*"}

    bring(olga_client, "exemption", sheet_of([{**row, "reason": "Another."} for row in rows]))
    assert list(Exemption.objects.values_list("reason", flat=True)) == ["Another."] * 4

    Exemption.objects.all().delete()
    bring(olga_client, "exemption", sheet_of(rows))
    assert sorted(map(str, exported(olga_client, "exemption"))) == sorted(map(str, rows))
    assert Exemption.objects.filter(created_by=olga, reason="A pilot.").count() == 4
    assert Seat.objects.get().verdict == "exempt"


def test_an_exemption_without_a_first_day_holds_from_today_on(olga_client: Client) -> None:
    for _ in range(2):
        bring(olga_client, "exemption", "login_pattern,reason\nsvc-*,Not a person.\n")

    assert str(Exemption.objects.get().starts_on) == "2026-11-20"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("login", "nobody"), ("team", "acme/nobody"), ("newcomer_days", "some"), ("account", "acme"),
        ("kind", "holiday"), ("until", "never"), ("reason", ""), ("starts_on", "2026-13-01"),
    ],
)  # fmt: skip
def test_a_wrong_cell_of_an_exemption_is_named(olga_client: Client, column: str, value: str) -> None:
    target = {} if column in ("login", "team", "newcomer_days") else {"login_pattern": "svc-*"}

    answer = bring(olga_client, "exemption", sheet_of([{**target, "reason": "A pilot.", column: value}]))

    assert column in [wrong["column"] for wrong in answer.context["found"]["wrong"]]
    assert not Exemption.objects.exists()


def test_holidays_come_in_by_calendar_and_day(olga_client: Client) -> None:
    calendar = WorkingCalendar.objects.create(name="Office")
    Holiday.objects.create(calendar=calendar, day="2026-12-25", name="A day off")

    sheet = "calendar,day,name\nOffice,2026-12-25,Christmas\nOffice,2026-12-26,\n"
    bring(olga_client, "holiday", sheet)
    assert [str(row).strip() for row in calendar.holidays.all()] == ["2026-12-25 Christmas", "2026-12-26"]
    assert [row["name"] for row in exported(olga_client, "holiday")] == ["Christmas", ""]

    answer = bring(olga_client, "holiday", "calendar,day,name\nMoon,2026-12-27,\n")
    assert "There is no working calendar" in answer.content.decode()


def test_an_exemption_of_somebody_unknown_is_refused(olga_client: Client) -> None:
    answer = bring(
        olga_client, "exemption", "login,account,reason,starts_on\nnobody,everybody,Leave.,2026-11-01\n"
    )

    assert "Nobody with the login" in answer.content.decode()
    assert not Exemption.objects.exists()


@pytest.mark.parametrize("model", ["inactivitypolicy", "seatprice", "exemption", "holiday"])
def test_sheets_need_permissions(vic_client: Client, noa_client: Client, model: str) -> None:
    assert vic_client.get(f"/seats/{model}/export/").status_code == 200
    assert vic_client.get(f"/seats/{model}/import/").status_code == 403
    assert vic_client.post(f"/seats/{model}/import/", {}).status_code == 403
    assert noa_client.get(f"/seats/{model}/export/").status_code == 403
