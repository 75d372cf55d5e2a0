"""On the page of a seat: on which days its holder was in usage reports, whichever account told them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from metrics.models import ReportDay, UserDay
from metrics.periods import MONTH, Period, covered_days_by_account
from portal.cards import Cell
from seats.models import Account, Seat
from seats.pages import seat_panel
from seats.sparkline import Day, Sparkline
from seats.verdicts import today

SHOWN_DAYS = 90
PASSIVE = "nothing but a review Copilot did unasked"


@dataclass(frozen=True, slots=True)
class _Use:
    """A person's day; of several accounts' reports the one that tells most, since they tell the same."""

    interactions: int | None
    generations: int | None
    acceptances: int | None
    only_passive_review: bool

    @property
    def total(self) -> int:
        """How much was done: at least 1, since being in the report says that there was something."""
        return max(1, (self.interactions or 0) + (self.generations or 0))


@seat_panel(permission="metrics.view_userday")
def use(seat: Seat) -> Sparkline | None:
    """The 90 days until yesterday; None where no usage report speaks of them at all."""
    period = Period.trailing(today() - timedelta(days=1), SHOWN_DAYS)
    used, accounts = _used(seat, period)
    covered = _covered(accounts, period) | set(used)
    if not covered:
        return None
    days = [_day(day, used.get(day), is_covered=day in covered) for day in period]
    return Sparkline(
        title=f"Use over {SHOWN_DAYS} days",
        days=days,
        summary=_summary(period, used, covered),
        newest=MONTH,
        headers=["Day", "Interactions", "Generations", "Acceptances", ""],
        rows=[_row(day, used[day]) for day in sorted(used, reverse=True)],
        note="Interactions and generations of the person, from per-user usage reports of any account. "
        "A grey band: no report of that day was taken in.",
    )


def _used(seat: Seat, period: Period) -> tuple[Mapping[date, _Use], set[int]]:
    """The person's days, and the accounts whose reports may tell of them."""
    accounts = {seat.account_id} | ({seat.account.parent_id} if seat.account.parent_id else set())
    used: dict[date, _Use] = {}
    rows = UserDay.objects.filter(user=seat.user_id).between(period.first, period.last)
    for account_id, day, interactions, generations, acceptances, only_passive in rows.order_by(
        "day"
    ).values_list(
        "account_id",
        "day",
        "user_initiated_interaction_count",
        "code_generation_activity_count",
        "code_acceptance_activity_count",
        "only_passive_review",
    ):
        accounts.add(account_id)
        use = _Use(interactions, generations, acceptances, only_passive)
        if day not in used or use.total > used[day].total:
            used[day] = use
    return used, accounts


def _covered(accounts: Iterable[int], period: Period) -> set[date]:
    known = covered_days_by_account(
        list(Account.objects.filter(pk__in=accounts)), ReportDay.Report.USERS, period
    )
    return set().union(*known.values())


def _day(day: date, use: _Use | None, *, is_covered: bool) -> Day:
    if use is None:
        return Day(day, 0, f"{day}: no use") if is_covered else Day(day, None, f"{day}: no report")
    if use.only_passive_review:
        return Day(day, use.total, f"{day}: {PASSIVE}", is_faint=True)
    counted = f"{_number(use.interactions)} interactions, {_number(use.generations)} generations"
    return Day(day, use.total, f"{day}: {counted}")


def _summary(period: Period, told: Mapping[date, _Use], covered: set[date]) -> str:
    month = Period.trailing(period.last, MONTH)
    used = [day for day, use in told.items() if not use.only_passive_review]
    passive, missing = len(told) - len(used), sum(day not in covered for day in period)
    newest = f"; the newest is {max(used)}" if used else ""
    said = (
        f"Used on {sum(day in month for day in used)} of the {MONTH} days until {period.last}, "
        f"and on {len(used)} of the {len(period)} days until then{newest}."
    )
    if passive:
        said += f" On {passive} more there was {PASSIVE}, which counts as no use."
    if missing:
        said += f" Of {missing} of these days no report was taken in."
    return said


def _row(day: date, use: _Use) -> list[Cell]:
    return [
        Cell(f"{day}"),
        Cell(_number(use.interactions)),
        Cell(_number(use.generations)),
        Cell(_number(use.acceptances)),
        Cell(PASSIVE if use.only_passive_review else ""),
    ]


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"
