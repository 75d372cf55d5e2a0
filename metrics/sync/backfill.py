"""Older days, fetched in the background: a few jobs at a time, one for each account and day, newest first.

The plan is made from what the database knows, kept for some minutes and made anew: a restart loses nothing.
Backfills leave a part of the hour's allowance to more urgent work, and wait when it is used up.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import Min
from django.utils import timezone

from metrics.ingest.rebuild import A_WHILE, rebuild_dirty_days
from metrics.periods import Period
from metrics.sync.backfill_plan import DayLeft, Outlook, Source, days_left, keep_back
from metrics.sync.fetch import Fetcher
from metrics.sync.known import known_of
from metrics.sync.reports import DAILY
from metrics.sync.usage import finish, keep
from metrics.sync.wanted import reach, wanted_days
from portal import jobs
from portal.models import Connection, Job, SyncSchedule
from seats.models import Account
from seats.sync.steps import accounts_of, open_github
from seats.sync.tally import Tally

KIND = "backfill-day"
DOORWAY = "metrics.tasks.backfill_day"
# Live at a time, for each connection: enough that a worker is never idle, few enough to be overtaken.
AT_ONCE = 4
PLANNED_AHEAD = 200
PLAN_HOLDS = timedelta(minutes=10)
PLAN_IS_SHOWN = timedelta(days=1)
USUAL_LIMIT = 5_000  # an hour
# A day that failed rests for a day, an account of which several did for some hours.
DAY_RESTS = timedelta(days=1)
ACCOUNT_RESTS = timedelta(hours=6)
FAILURES_IN_A_REST = 3
JOBS_ARE_KEPT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Plan:
    """What was left when it was made: the next days, and how much it is altogether."""

    made_at: datetime
    next_days: tuple[DayLeft, ...]
    days: int
    requests: int


# --- The plan ---------------------------------------------------------------------------------


def plan_of(connection: Connection, now: datetime) -> Plan:
    """The plan in force; a new one where there is none, or it is too old."""
    plan = last_plan(connection)
    if plan is None or not timedelta(0) <= now - plan.made_at < PLAN_HOLDS:
        plan = make_plan(connection, now)
        cache.set(_key(connection, "plan"), plan, PLAN_IS_SHOWN.total_seconds())
    return plan


def last_plan(connection: Connection) -> Plan | None:
    """The plan that was made last, be it too old to go by."""
    plan: Plan | None = cache.get(_key(connection, "plan"))
    return plan


def make_plan(connection: Connection, now: datetime) -> Plan:
    """All that is left, from what the database knows."""
    accounts = _accounts_in_turn(connection)
    known = known_of(accounts)
    sources = [
        Source(
            account.pk,
            account.kind,
            {daily: known[account.pk, daily.report.value] for daily in DAILY},
        )
        for account in accounts
    ]
    ahead: list[DayLeft] = []
    days = requests = 0
    for left in days_left(sources, now):
        if days < PLANNED_AHEAD:
            ahead.append(left)
        days += 1
        requests += left.requests
    return Plan(now, tuple(ahead), days, requests)


def _accounts_in_turn(connection: Connection) -> list[Account]:
    """Those whose newest days are in: they come first."""
    accounts = [account for account in accounts_of(connection) if account.login]
    done = Job.objects.filter(
        kind="sync-usage", state=Job.State.DONE, subject__in=[account.subject for account in accounts]
    )
    subjects = set(done.order_by().values_list("subject", flat=True).distinct())
    return [account for account in accounts if account.subject in subjects]


def _key(connection: Connection, what: str) -> str:
    return f"backfill-{what}-{connection.pk}-{connection.created_at.timestamp()}"


# --- Keeping a few jobs alive -----------------------------------------------------------------


def top_up(connection: Connection, now: datetime | None = None) -> list[Job]:
    """Make as many jobs as there is room for; the new ones."""
    now = now or timezone.now()
    if not _may_work(connection, now):
        return []
    room = AT_ONCE - _live(connection)
    made: list[Job] = []
    while room > 0:
        plan = plan_of(connection, now)
        for left in _still_left(plan, now)[:room]:
            made.append(_enqueue(left))
            room -= 1
        if room <= 0 or plan.days <= PLANNED_AHEAD or plan.made_at == now:
            break
        # All of this plan's next days have had their turn, and there are more.
        cache.delete(_key(connection, "plan"))
    return made


def top_up_all() -> int:
    """For the schedule: begin where nothing is at work, go on where something broke off. How many jobs."""
    old = timezone.now() - JOBS_ARE_KEPT
    Job.objects.filter(kind=KIND, state=Job.State.DONE, finished_at__lt=old).delete()
    return sum(len(top_up(connection)) for connection in Connection.objects.active())


def _may_work(connection: Connection, now: datetime) -> bool:
    is_limited = connection.limited_until is not None and connection.limited_until > now
    schedules = SyncSchedule.objects.filter(connection=connection, kind=SyncSchedule.Kind.USAGE)
    return connection.is_active and not is_limited and not schedules.filter(is_on=False).exists()


def _live(connection: Connection) -> int:
    keys = {account.pk for account in accounts_of(connection)}
    live = Job.objects.live().filter(kind=KIND).values_list("arguments", flat=True)
    return sum(1 for arguments in live if arguments.get("account") in keys)


def _still_left(plan: Plan, now: datetime) -> list[DayLeft]:
    """Of the plan's next days, those that had no turn since, do not rest and whose account does not."""
    jobs_since = Job.objects.filter(kind=KIND, created_at__gte=plan.made_at)
    had_turn = set(jobs_since.values_list("subject", flat=True))
    had_turn |= set(Job.objects.live().filter(kind=KIND).values_list("subject", flat=True))
    failures = Job.objects.filter(kind=KIND, state=Job.State.FAILED, finished_at__gte=now - DAY_RESTS)
    by_account: Counter[int] = Counter()
    for subject, arguments, finished_at in failures.values_list("subject", "arguments", "finished_at"):
        had_turn.add(subject)
        if finished_at is not None and finished_at >= now - ACCOUNT_RESTS:
            by_account[arguments.get("account")] += 1
    kinds = dict(
        Account.objects.filter(pk__in={left.account for left in plan.next_days}).values_list("pk", "kind")
    )
    return [
        left
        for left in plan.next_days
        if left.account in kinds
        and by_account[left.account] < FAILURES_IN_A_REST
        and _subject(kinds[left.account], left) not in had_turn
    ]


def _subject(kind: str, left: DayLeft) -> str:
    return f"{kind}:{left.account} {left.day}"


def _enqueue(left: DayLeft) -> Job:
    kind = Account.objects.values_list("kind", flat=True).get(pk=left.account)
    arguments = {"account": left.account, "day": str(left.day)}
    return jobs.enqueue(KIND, _subject(kind, left), DOORWAY, arguments)


# --- A day ------------------------------------------------------------------------------------


def work(run: jobs.Run) -> dict[str, Any]:
    """Fetch all reports of an account's day that are still wanted."""
    account = Account.objects.filter(pk=run.arguments["account"])
    found = account.select_related("connection", "parent__connection").first()
    if found is None:
        return Tally(notes=["The account was joined with another one, which has its own days."]).as_dict()
    connection = found.sync_connection
    limit = _limit(connection) if connection else USUAL_LIMIT
    with open_github(found, keep_back=keep_back(limit), should_stop=run.should_stop) as github:
        try:
            return _fetch(found, date.fromisoformat(run.arguments["day"]), github, run).as_dict()
        finally:
            if connection is not None and (told := github.counted.rate_limit_limit):
                cache.set(_key(connection, "limit"), told, None)


def _fetch(account: Account, day: date, github: Any, run: jobs.Run) -> Tally:
    tally = Tally.since_now(github)
    fetcher = Fetcher(account, github, run, tally, run.job.created_by)
    now = timezone.now()
    wanted = [
        daily
        for daily in DAILY
        if day in reach(daily, account.kind, now)
        and any(wanted_days(fetcher.known(daily), Period(day, day), now, gives_up=False))
    ]
    try:
        for number, daily in enumerate(wanted):
            run.progress(number, len(wanted), f"{daily.name(account.kind)} of {day}")
            fetcher.fetch_day(daily, day)
        run.progress(len(wanted), len(wanted))
    finally:
        rebuild_dirty_days(account=fetcher.account, seconds=A_WHILE)
        tally.count(github)
        keep(tally, run)
    finish(fetcher)
    return tally


def connection_of(job_id: int) -> Connection | None:
    """Whose allowance a job uses."""
    job = Job.objects.filter(pk=job_id).first()
    if job is None:
        return None
    account = Account.objects.select_related("connection", "parent__connection").filter(
        pk=job.arguments.get("account")
    )
    found = account.first()
    return found.sync_connection if found is not None else None


# --- When it will be over ---------------------------------------------------------------------


def outlook(connection: Connection, now: datetime | None = None) -> Outlook | None:
    """What is left to be fetched and when that will be over; None where nothing is, or no plan was made.

    Cheap enough for a page: it goes by the plan that was made last.
    """
    now = now or timezone.now()
    plan = last_plan(connection)
    if plan is None:
        return None
    ended = Job.objects.filter(
        kind=KIND, state=Job.State.DONE, finished_at__gte=plan.made_at, created_at__lte=now
    )
    keys = {account.pk for account in accounts_of(connection)}
    done = [
        arguments for arguments in ended.values_list("arguments", flat=True) if arguments["account"] in keys
    ]
    days = plan.days - len(done)
    if days <= 0:
        return None
    requests = max(round(plan.requests * days / plan.days), 1)
    return Outlook.of(days, requests, now, limit=_limit(connection), speed=_speed(keys, now))


def what_is_left(connection: Connection, now: datetime | None = None) -> str:
    """The same in words; empty where nothing is left."""
    found = outlook(connection, now)
    if found is None:
        return ""
    days = "1 day" if found.days == 1 else f"{found.days:,} days"
    end = f"done by about {found.ends_at:%Y-%m-%d %H:%M} UTC" if found.ends_at else "no end in sight"
    return (
        f"{days} of its accounts are still to be fetched, newest first, by {found.requests:,} requests at "
        f"up to {found.per_hour:,} an hour: {end}."
    )


def _limit(connection: Connection) -> int:
    return int(cache.get(_key(connection, "limit")) or USUAL_LIMIT)


def _speed(accounts: set[int], now: datetime) -> float | None:
    """Requests an hour in the last hour; None until there is enough to tell."""
    since = now - timedelta(hours=1)
    recent = Job.objects.filter(kind=KIND, state=Job.State.DONE, finished_at__gte=since)
    first = recent.aggregate(first=Min("started_at"))["first"]
    rows = recent.values_list("arguments", "tally")
    requests = [
        int(tally.get("requests", 0)) for arguments, tally in rows if arguments["account"] in accounts
    ]
    if first is None or len(requests) < 2 * AT_ONCE:
        return None
    hours: float = max((now - max(first, since)).total_seconds(), 1.0) / 3600
    return sum(requests) / hours
