"""What keeps seats from being taken back wrongly: brakes of a whole account, of one seat, and of how many.

Each has a name and a meaning in `refusals`. A brake that cannot tell holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, timedelta

from django.db.models import Count, Max, Q, Sum
from django.utils import timezone

from seats.models import (
    Account,
    Exemption,
    InactivityPolicy,
    Seat,
    SeatDay,
    SeatRoster,
    Team,
    WorkingCalendar,
)
from seats.models.roster import SeatRosterQuerySet
from seats.models.seat import INACTIVE
from seats.policy_sql import today
from seats.reclaim.caps import Allowance, of_caps, of_last_seat, taken_today
from seats.reclaim.effects import access_refusal, credential_refusal
from seats.reclaim.liveness import Liveness
from seats.reclaim.refusals import BRAKES, Brake, Meaning, Refusal, Refused
from seats.reclaim.seat_check import SeatCheck, liveness
from seats.working_days import WorkingDays

__all__ = [
    "BRAKES",
    "Allowance",
    "Brake",
    "Meaning",
    "Refusal",
    "Refused",
    "SeatCheck",
    "of_account",
    "of_caps",
    "of_last_seat",
    "policies_of",
    "taken_today",
]

# A list comes every hour; one of yesterday still tells who holds a seat, an older one may not.
FRESH_FOR = timedelta(hours=26)
# Who is in a team is asked for once a day, and its policy or exemption decides over people.
MEMBERS_FRESH_FOR = timedelta(days=3)
# A list whose moment lies further ahead than this is not believed.
CLOCKS_DIFFER_BY = timedelta(minutes=10)
# The day before, where the portal ran; else the newest of a week.
COMPARED_WITHIN = timedelta(days=7)


def of_account(
    account: Account,
    *,
    automatic: bool = False,
    policies: Collection[InactivityPolicy] | None = None,
    executing: bool = True,
) -> list[Refusal]:
    """The brakes that hold for every seat of the account; none: each seat is asked by itself.

    `policies` are those of the seats in question, else of all that the account holds. Where they differ, a
    brake that a seat asks for by itself holds here only when all of them ask for it. `executing`: GitHub is
    asked next, and not only a person. Nothing differs by `automatic`: what it asks for, seats tell.
    """
    concerned = list(policies) if policies is not None else policies_of(account)
    day = today()
    found = [
        credential_refusal(account),
        access_refusal(account),
        *_rosters(account),
        _members(account, day),
        _silence(liveness(account, day), concerned),
        _idle_jump(account, concerned, day),
        _rest_day(concerned, day) if executing else None,
    ]
    return [refusal for refusal in found if refusal is not None]


def policies_of(account: Account) -> list[InactivityPolicy]:
    """The policies that decide over the account's seats."""
    held = Seat.objects.held().filter(account=account).order_by()
    return list(
        InactivityPolicy.objects.filter(pk__in=held.values("policy_id"))
        .select_related("account", "team", "working_calendar")
        .order_by("pk")
    )


# --- Seat lists -------------------------------------------------------------------------------


def _rosters(account: Account) -> Iterator[Refusal]:
    now = timezone.now()
    believed = SeatRoster.objects.covering(account).filter(last_observed_at__lte=now + CLOCKS_DIFFER_BY)
    whole = _newest(believed.ending())
    # An answer about one person is a partial roster without a file, and tells nothing of the others.
    lists = believed.filter(Q(is_complete=True) | Q(file__isnull=False))
    newest = _newest(lists)
    if newest is not None and not newest.is_complete:
        yield Refusal.of(
            Brake.PARTIAL_ROSTER,
            f"The newest seat list of {account.label}, of {newest.last_observed_at:%Y-%m-%d %H:%M} UTC, is "
            "not whole.",
        )
    doubted = _newest(believed.held_back())
    if doubted is not None and (whole is None or doubted.last_observed_at > whole.last_observed_at):
        yield Refusal.of(
            Brake.HELD_BACK_ROSTER,
            f"The newest seat list of {account.label} lacks {doubted.held_back:,} seats and waits for "
            "somebody to confirm it.",
        )
    if whole is None:
        yield Refusal.of(Brake.STALE_ROSTER, f"There is no whole seat list of {account.label}.")
    elif now - whole.last_observed_at > FRESH_FOR:
        yield Refusal.of(
            Brake.STALE_ROSTER,
            f"The newest whole seat list of {account.label} is of "
            f"{whole.last_observed_at:%Y-%m-%d %H:%M} UTC, more than 26 hours old.",
        )


def _members(account: Account, day: date) -> Refusal | None:
    """Whether lists of members are old on which an exemption or a policy of a team rests."""
    meant = Q(exemptions__in=Exemption.objects.in_force(day)) | Q(
        policies__in=InactivityPolicy.objects.in_force(day)
    )
    teams = Team.objects.existing().filter(meant, account__in=[account.pk, account.parent_id or account.pk])
    # A team whose members GitHub's lists do not tell is known from reports of usage.
    oldest = teams.filter(members_read_at__isnull=False).order_by("members_read_at").first()
    if oldest is None or oldest.members_read_at is None:
        return None
    if timezone.now() - oldest.members_read_at <= MEMBERS_FRESH_FOR:
        return None
    return Refusal.of(
        Brake.STALE_ROSTER,
        f"The members of the team {oldest} were last read on {oldest.members_read_at:%Y-%m-%d}, and an "
        "exemption or a policy is about them.",
        "Sync the account's teams.",
    )


def _newest(rosters: SeatRosterQuerySet) -> SeatRoster | None:
    return rosters.order_by("-last_observed_at", "-pk").first()


# --- Evidence ---------------------------------------------------------------------------------


def _silence(told: Liveness, policies: Collection[InactivityPolicy]) -> Refusal | None:
    held = [told.silence(policy) for policy in policies]
    return held[0] if held and all(held) else None


def _idle_jump(account: Account, policies: Collection[InactivityPolicy], day: date) -> Refusal | None:
    """Whether the share of inactive seats has leapt. One seat more is no leap, however few there are."""
    before = _counted_before(account, day)
    if before is None or not policies:
        return None
    most = min(policy.max_idle_jump for policy in policies)
    now = (
        Seat.objects.held()
        .filter(account=account)
        .aggregate(seats=Count("pk"), inactive=Count("pk", filter=Q(verdict__in=INACTIVE)))
    )
    then_on, then_seats, then_inactive = before
    if not now["seats"] or now["inactive"] - then_inactive <= 1:
        return None
    share, then_share = now["inactive"] / now["seats"], then_inactive / then_seats
    jump = (share - then_share) * 100
    if jump <= most:
        return None
    return Refusal.of(
        Brake.IDLE_JUMP,
        f"{share:.0%} of the seats of {account.label} are inactive, where {then_share:.0%} were on "
        f"{then_on}: {jump:.0f} percentage points more, and the policy allows {most}.",
    )


def _counted_before(account: Account, day: date) -> tuple[date, int, int] | None:
    """The newest day before, with the seats held and the inactive ones of them."""
    days = SeatDay.objects.filter(account=account, day__lt=day, day__gte=day - COMPARED_WITHIN)
    newest = days.aggregate(newest=Max("day"))["newest"]
    if newest is None:
        return None
    # Not named "seats": that is the column which both of them add up.
    counted = days.filter(day=newest).aggregate(
        held=Sum("seats"), inactive=Sum("seats", filter=Q(verdict__in=INACTIVE))
    )
    return (newest, counted["held"], counted["inactive"] or 0) if counted["held"] else None


# --- The calendar -----------------------------------------------------------------------------


def _rest_day(policies: Collection[InactivityPolicy], day: date) -> Refusal | None:
    keys = {policy.working_calendar_id for policy in policies if policy.working_calendar_id is not None}
    if not keys or any(policy.working_calendar_id is None for policy in policies):
        return None
    calendars = list(WorkingCalendar.objects.filter(pk__in=keys))
    if any(WorkingDays(calendar).is_working(day) for calendar in calendars):
        return None
    names = ", ".join(str(calendar) for calendar in calendars)
    return Refusal.of(Brake.NOT_A_WORKING_DAY, f"{day} is no working day in {names}.")
