"""Panels of the home page about use: one account at a time, since people cannot be added up over accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import cache, partial

from django.http import HttpRequest
from django.urls import get_script_prefix, reverse

from metrics.accounts import largest
from metrics.charts import daily
from metrics.figures import DayTotals, acceptance_rate, active_users, preferred_days, total
from metrics.models import ReportDay, ScopeDay
from metrics.periods import MONTH, WEEK, Period, is_provisional
from metrics.sync.backfill import what_is_left
from portal.cards import Figure, Figures, Panel, Sentence, card
from portal.freshness import source_of
from portal.models import Connection
from seats.cards import chosen_account
from seats.models import Account
from seats.verdicts import today

COVERED_DAYS = 28


@card(order=50, permission="metrics.view_scopeday")
def use(request: HttpRequest) -> Sequence[Panel] | None:
    chosen = chosen_account(request)
    account = chosen or largest()
    if account is None:
        return None
    days = newest_days(account)
    if not days:
        return [
            Sentence(
                f"Use in {account.label}",
                "No usage report of this account was taken in yet.",
                [("Covered days of all accounts", reverse("admin:metrics_reportday_changelist"))],
            )
        ]
    provisional = partial(is_provisional, today=today())
    note = _note(account, days)
    url = partial(days_url, account)
    charts = (
        daily.active_users(days, provisional, url, note),
        daily.interactions(days, provisional, url, note),
    )
    dashboards = ("See the dashboards", f"{reverse('metrics:overview')}?scope={account.pk}")
    return [
        _totals(account, days, note, alone=chosen is None),
        *(replace(chart, more=dashboards) for chart in charts),
    ]


@card(order=45, permission="portal.view_job")
def older_days(request: HttpRequest) -> Sequence[Panel]:
    """How far the fetching of older days is, for each connection that still has some."""
    jobs = [("Jobs", reverse("admin:portal_job_changelist") + "?job=backfill")]
    return [
        Sentence("Older days of use", f"{connection}: {sentence}", jobs)
        for connection in Connection.objects.active()
        if (sentence := what_is_left(connection))
    ]


def newest_days(account: Account) -> list[DayTotals]:
    """The newest covered days, oldest first."""
    covered = ScopeDay.objects.filter(account=account).order_by("-day").values_list("day", flat=True)
    newest = list(covered.distinct()[:COVERED_DAYS])
    return list(preferred_days([account], newest[-1], newest[0])) if newest else []


def days_url(account: Account, first: date, last: date | None = None) -> str:
    """The account's days from first to last in the admin."""
    asked = f"account__id__exact={account.pk}&day_from={first}&day_to={last or first}"
    return f"{_list('admin:metrics_scopeday_changelist', get_script_prefix())}?{asked}"


def people_url(account: Account, first: date, last: date | None = None) -> str:
    """Who was active: the lines of people from first to last."""
    asked = f"account__id__exact={account.pk}&day_from={first}&day_to={last or first}"
    return f"{_list('admin:metrics_userday_changelist', get_script_prefix())}?{asked}"


@cache
def _list(name: str, prefix: str) -> str:
    """Where it is under this prefix: a drawing asks for one with every step."""
    return reverse(name)


def _note(account: Account, days: Sequence[DayTotals]) -> str:
    """Scope, window and freshness."""
    reports = (ReportDay.Report.SCOPE, ReportDay.Report.USERS)
    newest = ReportDay.objects.filter(account=account, day=days[-1].day, report__in=reports)
    told = newest.select_related("file").order_by("-observed_at", "report").first()
    note = f"{account.label}, {len(days)} covered days, {days[0].day} to {days[-1].day} (UTC)"
    note += f", as of {told.observed_at:%Y-%m-%d} from {source_of(told.file)}." if told else "."
    if is_provisional(days[-1].day, today()):
        note += " Dashed: GitHub may still change these days."
    return note


def _totals(account: Account, days: Sequence[DayTotals], note: str, *, alone: bool) -> Figures:
    newest, first = days[-1], days[0].day
    computed = active_users(account, newest.day)
    weekly = newest.weekly_active_users if newest.weekly_active_users is not None else computed.weekly
    monthly = newest.monthly_active_users if newest.monthly_active_users is not None else computed.monthly
    interactions = total(daily.counted(row, "user_initiated_interaction_count") for row in days)
    accepted = total(daily.counted(row, "code_acceptance_activity_count") for row in days)
    generated = total(daily.counted(row, "code_generation_activity_count") for row in days)
    rate = acceptance_rate(accepted, generated)
    url = days_url(account, first, newest.day)

    def trailing(length: int) -> str:
        window = Period.trailing(newest.day, length)
        return people_url(account, window.first, window.last)

    if alone:
        note = f"One account at a time: people cannot be added up over accounts. {note}"
    return Figures(
        f"Use in {account.label}",
        [
            Figure(
                "Daily active users",
                _count(newest.daily_active_users),
                people_url(account, newest.day),
                f"on {newest.day}",
            ),
            Figure("Weekly active users", _count(weekly), trailing(WEEK), "7 days up to it"),
            Figure("Monthly active users", _count(monthly), trailing(MONTH), "28 days up to it"),
            Figure("Interactions", _count(interactions), url, "over the covered days"),
            Figure(
                "Acceptance rate",
                "–" if rate is None else f"{rate:.1%}",
                url,
                "acceptances ÷ generations",
            ),
        ],
        note=note,
    )


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"
