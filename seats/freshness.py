"""As of when seats are known, from which source, and which syncs are late."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from django.db.models import Max, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from portal.freshness import AsOf, Late, freshness, source_of
from portal.models import Connection, Job, SyncSchedule
from seats.models import Account, SeatRoster
from seats.models.roster import SeatRosterQuerySet

# A run may fail once, and a queue may be long, before anybody is told.
RUNS_TO_MISS = 2
SLACK = timedelta(hours=1)


@freshness("seats", permission="seats.view_seat")
def seats(request: HttpRequest) -> Iterator[AsOf | Late]:
    yield from seats_as_of()
    yield from late(SyncSchedule.Kind.SEATS, "Seats", with_seats_of_their_own)


def seats_as_of(account: Account | None = None) -> Iterator[AsOf]:
    """The newest seat list, and how old the oldest of the accounts' is; of all accounts, or of one.

    An organization's seats are told by its enterprise's list as well; an enterprise has its organizations'.
    """
    rosters = _telling(account)
    # A whole list, where there is one: a part of one, or one person's seat, says little of the others.
    by_age = ("-is_complete", "-last_observed_at", "-pk")
    newest = rosters.select_related("file").order_by(*by_age).first()
    if newest is not None:
        text = f"as of {newest.last_observed_at:%Y-%m-%d %H:%M} UTC, from {source_of(newest.file)}"
        oldest = _oldest(rosters.filter(is_complete=newest.is_complete), account)
        if oldest and oldest.date() < newest.last_observed_at.date():
            text += f"; the oldest of the accounts' lists is of {oldest:%Y-%m-%d}"
        yield AsOf("Seats", text, reverse("admin:seats_account_changelist"))


def _telling(account: Account | None) -> SeatRosterQuerySet:
    """The lists that tell of seats of this account; None: of any."""
    if account is None:
        return SeatRoster.objects.all()
    telling = Q(account=account) | Q(account__parent=account)
    return SeatRoster.objects.filter(telling | Q(account=account.parent_id))


def _oldest(rosters: SeatRosterQuerySet, account: Account | None) -> datetime | None:
    """When the account asked for, or of it, was last told of that has not been told of for longest."""
    newest = rosters.order_by().values("account").annotate(newest=Max("last_observed_at"))
    told = {pk: (parent, at) for pk, parent, at in newest.values_list("account", "account__parent", "newest")}
    return min(
        (
            max(at, told[parent][1]) if parent in told else at
            for pk, (parent, at) in told.items()
            if account is None or account.pk in (pk, parent)
        ),
        default=None,
    )


def with_seats_of_their_own(connection: Connection) -> Iterable[Account]:
    """The accounts whose seats are asked for by themselves: an enterprise's list has its organizations'."""
    return connection.accounts.exclude(login="").exclude(parent__connection__isnull=False)


def late(kind: str, what: str, accounts_of: Callable[[Connection], Iterable[Account]]) -> Iterator[Late]:
    """One banner for each schedule that is on, and whose accounts have not had a good run for too long."""
    now = timezone.now()
    schedules = SyncSchedule.objects.filter(kind=kind, is_on=True, connection__is_active=True)
    for schedule in schedules.select_related("connection"):
        since = now - RUNS_TO_MISS * schedule.between - SLACK
        if schedule.connection.created_at > since:
            continue
        accounts = [account for account in accounts_of(schedule.connection) if account.created_at <= since]
        behind = _without_a_run_since(kind, accounts, since)
        if behind:
            yield _banner(kind, what, schedule, behind)


def _without_a_run_since(kind: str, accounts: Iterable[Account], since: object) -> list[Account]:
    by_subject = {account.subject: account for account in accounts}
    good = Job.objects.filter(
        kind=f"sync-{kind}", subject__in=list(by_subject), state=Job.State.DONE, finished_at__gte=since
    )
    fresh = set(good.values_list("subject", flat=True))
    return [account for subject, account in by_subject.items() if subject not in fresh]


def _banner(kind: str, what: str, schedule: SyncSchedule, behind: list[Account]) -> Late:
    first = behind[0]
    runs = Job.objects.filter(kind=f"sync-{kind}", subject=first.subject)
    good = Job.objects.last_done(f"sync-{kind}", first.subject)
    names = f"{first.label} and {len(behind) - 1} more" if len(behind) > 1 else first.label
    last = f"since {good.finished_at:%Y-%m-%d %H:%M} UTC" if good and good.finished_at else "yet"
    text = f"{what} of {names}: nothing has come from GitHub {last}; it is due {schedule.in_words}."
    newest = runs.order_by("-pk").first()
    if newest is None:
        text += " No job has run: is the background worker running?"
    elif newest.error:
        text += f" {newest.error}"
    url = f"{reverse('admin:portal_job_changelist')}?q={first.subject}"
    return Late(text, url, "Its jobs")
