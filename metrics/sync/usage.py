"""The usage of one account: its newest days, or all that GitHub still has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.utils import timezone

from metrics.ingest.rebuild import A_WHILE, rebuild_dirty_days
from metrics.periods import Period, is_provisional
from metrics.sync.fetch import Fetcher
from metrics.sync.reports import DAILY, USERS, DailyReport
from metrics.sync.wanted import had_settled, newest_days, reach, wanted_days
from portal import jobs
from portal.github.client import GitHub
from portal.github.errors import ServerTrouble
from seats.models import Account
from seats.sync.tally import Reporter, Tally

# From so many days on, one report over 28 days is cheaper than a report for each.
WORTH_A_LARGE_REPORT = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """How far to go: the newest 28 days, or all that there is; or from `since` to `until`."""

    since: date | None = None
    until: date | None = None
    is_whole: bool = False

    def period(self, daily: DailyReport, account: Account, now: datetime) -> Period:
        """The days of a report that may be asked for."""
        period = reach(daily, account.kind, now, since=self.since, until=self.until)
        if self.is_whole or self.since or self.until:
            return period
        return Period(max(period.first, newest_days(now).first), period.last)


NEWEST = Asked()
WHOLE = Asked(is_whole=True)


def sync(account: Account, github: GitHub, run: Reporter, asked: Asked = NEWEST, by: Any = None) -> Tally:
    """Fetch the account's reports that are missing or may have changed, newest day first, and add them up.

    Raises GitHubError, with all that was fetched before kept, and jobs.Refused for a report that cannot be
    taken in.
    """
    tally = Tally.since_now(github)
    fetcher = Fetcher(account, github, run, tally, by)
    now = timezone.now()
    try:
        _fetch_large(fetcher, asked, now)
        _fetch_days(fetcher, asked, now)
        _fetch_quiet_days(fetcher, now)
        fetcher.raise_trouble()
    finally:
        # What has come in is shown, also when the rest did not.
        rebuild_dirty_days(account=fetcher.account, seconds=A_WHILE)
        tally.count(github)
        keep(tally, run)
    finish(fetcher)
    return tally


def keep(tally: Tally, run: Reporter) -> None:
    """Let the job have what came of it, in case the work ends with an error."""
    if hasattr(run, "tally"):
        run.tally = tally.as_dict()


def finish(fetcher: Fetcher) -> None:
    """Say what was refused; raises where nothing could be had, or something could not be taken in."""
    refusals = fetcher.refused
    if refusals and not any(fetcher.may_ask(daily) for daily in DAILY):
        raise next(iter(refusals.values()))
    for name, refusal in refusals.items():
        fetcher.tally.say(f"{name}: {refusal}")
    if fetcher.failed:
        more = len(fetcher.failed) - 1
        raise jobs.Refused(fetcher.failed[0] + (f" So it was with {more} more." if more else ""))


def _fetch_large(fetcher: Fetcher, asked: Asked, now: datetime) -> None:
    """Where many settled days are missing, as on a first run, one report over 28 days brings them."""
    for daily in DAILY:
        if daily.has_28_days:
            missing = [day for day in _missing(fetcher, daily, asked, now) if day in newest_days(now)]
            if len(missing) >= WORTH_A_LARGE_REPORT:
                fetcher.run.progress(0, None, daily.name_of_28_days(fetcher.account.kind))
                fetcher.fetch_28_days(daily, missing)


def _missing(fetcher: Fetcher, daily: DailyReport, asked: Asked, now: datetime) -> list[date]:
    period = asked.period(daily, fetcher.account, now)
    known = fetcher.known(daily)
    return [
        day
        for day in wanted_days(known, period, now, gives_up=asked.since is None)
        if not is_provisional(day, now.astimezone(UTC).date())
    ]


def _fetch_days(fetcher: Fetcher, asked: Asked, now: datetime) -> None:
    """Day by day, newest first, each day's reports one after the other."""
    done, total = 0, sum(1 for _ in _wanted(fetcher, asked, now))
    was_in_trouble = False
    for day, daily in _wanted(fetcher, asked, now):
        name = f"{daily.name(fetcher.account.kind)} of {day}"
        keep(fetcher.tally, fetcher.run)
        fetcher.run.progress(done, max(total, done + 1), name)
        try:
            fetcher.fetch_day(daily, day)
            was_in_trouble = False
        except ServerTrouble as trouble:
            if was_in_trouble:
                raise  # it is no matter of one report
            fetcher.note_trouble(daily, trouble)
            was_in_trouble = True
        done += 1
    fetcher.run.progress(done, done, "")


def _wanted(fetcher: Fetcher, asked: Asked, now: datetime) -> Iterator[tuple[date, DailyReport]]:
    """Newest day first; looks at what is known as it goes, so answers on the way count."""
    waiting = {
        daily: wanted_days(
            fetcher.known(daily),
            asked.period(daily, fetcher.account, now),
            now,
            gives_up=asked.since is None,
        )
        for daily in DAILY
    }
    heads = {daily: day for daily, days in waiting.items() if (day := next(days, None)) is not None}
    while heads:
        newest = max(heads.values())
        for daily in [daily for daily, day in heads.items() if day == newest]:
            if fetcher.may_ask(daily):
                yield newest, daily
                following = next(waiting[daily], None)
            else:
                following = None
            if following is None:
                del heads[daily]
            else:
                heads[daily] = following


def _fetch_quiet_days(fetcher: Fetcher, now: datetime) -> None:
    """Settled days without a per-user report: the one over 28 days knows whether nobody did anything.

    GitHub may have no report of a day on which nobody used Copilot, a Sunday for instance. Left unknown, it
    would leave every week and month around it unknown.
    """
    known, newest = fetcher.known(USERS), newest_days(now)
    quiet = [
        day
        for day, at in known.absent.items()
        if day in newest and had_settled(day, at) and day not in known.covered
    ]
    if quiet and known.covered:
        fetcher.fetch_28_days(USERS, quiet)
