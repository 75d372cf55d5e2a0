"""One report: ask for it, download it, hand it to the ingest pipeline, and say what came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.utils import timezone

from metrics.ingest.options import FileOutcome, Options
from metrics.ingest.parts import BREAKS_OFF, take_in_parts
from metrics.models import AskedDay, ReportDay
from metrics.sync.folder import download_folder
from metrics.sync.known import AllKnown, known_of
from metrics.sync.reports import USERS, DailyReport
from metrics.sync.restated import changes, figures
from metrics.sync.wanted import Known
from portal.github.client import GitHub, Report, Target
from portal.github.errors import (
    GitHubError,
    Gone,
    MissingPermission,
    NotFound,
    PolicyOff,
    ServerTrouble,
    Unprocessable,
)
from portal.models import ReportFile
from seats.models import Account
from seats.sync.tally import Reporter, Tally

# How GitHub says that an account's report is not for us; the account's other reports may be.
REFUSALS = (MissingPermission, PolicyOff, NotFound, Gone, Unprocessable)
# A report that proves to be cut short is asked for once more, and again.
TRIES = 3
# A report that GitHub failed to give for so many days is not asked for again in the same run.
TROUBLES = 2
# A server's clock that is further ahead than this is not believed.
CLOCKS_DIFFER_BY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A report as it was asked for, and the days it is taken in for."""

    daily: DailyReport
    name: str
    day: date | None
    days: frozenset[date]


class Fetcher:
    """Fetches the reports of one account, one after the other; keeps what is known of them up to date."""

    def __init__(self, account: Account, github: GitHub, run: Reporter, tally: Tally, by: Any = None) -> None:
        self.account = account
        self.github = github
        self.run = run
        self.tally = tally
        self.by = by
        self._known: AllKnown = known_of([account])
        # The first refusal of each report, by its name.
        self.refused: dict[str, GitHubError] = {}
        # Reports that could not be taken in, each with the reason.
        self.failed: list[str] = []
        # Where GitHub failed, by the report's name.
        self._troubles: dict[str, list[ServerTrouble]] = defaultdict(list)

    def known(self, daily: DailyReport) -> Known:
        """What is known of a report."""
        return self._known[self.account.pk, daily.report.value]

    def may_ask(self, daily: DailyReport) -> bool:
        """False once GitHub has refused the report, or failed at it more than once."""
        name = daily.name(self.account.kind)
        return name not in self.refused and len(self._troubles[name]) < TROUBLES

    def note_trouble(self, daily: DailyReport, trouble: ServerTrouble) -> None:
        """GitHub failed at a day's report: that keeps neither other days nor other reports back."""
        self._troubles[daily.name(self.account.kind)].append(trouble)

    def raise_trouble(self) -> None:
        """Raise the first trouble that was noted, so that what is missing for it is tried again later."""
        if noted := [trouble for some in self._troubles.values() for trouble in some]:
            raise noted[0]

    # --- A day ----------------------------------------------------------------------------------

    def fetch_day(self, daily: DailyReport, day: date) -> None:
        """Bring a day up to date. Raises GitHubError where that is no matter of this report alone."""
        name = daily.name(self.account.kind)
        asked = _Asked(daily, name, day, frozenset({day}))
        try:
            outcome = self._take_in(asked)
        except REFUSALS as refusal:
            self._note_refusal(daily, day, refusal)
            return
        self._forget_refusals(daily)
        if outcome is None:
            now = timezone.now()
            self.known(daily).absent[day] = now
            AskedDay.remember(self.account, daily.report, day, now)
        elif outcome.error:
            self.failed.append(f"The report {name} of {day}: {outcome.error}")

    def _note_refusal(self, daily: DailyReport, day: date, refusal: GitHubError) -> None:
        self.refused.setdefault(daily.name(self.account.kind), refusal)
        now = timezone.now()
        self.known(daily).refused[day] = now
        if day not in self.known(daily).covered:
            AskedDay.remember(self.account, daily.report, day, now, AskedDay.Answer.REFUSED)

    def _forget_refusals(self, daily: DailyReport) -> None:
        """What was refused is given by now: the days that were are worth asking for again."""
        if refused := self.known(daily).refused:
            refused.clear()
            AskedDay.objects.filter(
                account=self.account, report=daily.report, answer=AskedDay.Answer.REFUSED
            ).delete()

    # --- 28 days --------------------------------------------------------------------------------

    def fetch_28_days(self, daily: DailyReport, days: Collection[date]) -> None:
        """Bring those of these days up to date that the newest report over 28 days tells of.

        Only settled days are taken from it: it may be older than the newest 1-day reports. What it cannot
        give is left to them, so nothing is lost where there is no such report.
        """
        name = daily.name_of_28_days(self.account.kind)
        today = timezone.now().astimezone(UTC).date()
        if AskedDay.objects.filter(account=self.account, report=name, day=today).exists():
            return
        try:
            outcome = self._take_in(_Asked(daily, name, None, frozenset(days)))
        except (*REFUSALS, ServerTrouble):
            outcome = None
        if outcome is None or outcome.error:
            AskedDay.remember(self.account, name, today, timezone.now())

    # --- The way of a report --------------------------------------------------------------------

    def _take_in(self, asked: _Asked) -> FileOutcome | None:
        """None where there is no report, or none that tells of these days."""
        for _ in range(TRIES):
            self.run.should_stop()
            target = Target(self.account.kind, self.account.login)  # type: ignore[arg-type]
            report = self.github.report(target, asked.name, asked.day)
            self.tally.count(self.github)
            if report is None:
                return None
            if asked.day is None:
                asked = _within(asked, report)
                if not asked.days:
                    return None
            elif report.report_day not in (None, asked.day):
                error = f"GitHub sent the report of {report.report_day} instead. It is asked for again."
                return FileOutcome(asked.name, error=error)
            with download_folder() as folder:
                outcome = self._hand_over(asked, report, folder)
            self.tally.count(self.github)
            if outcome.error != BREAKS_OFF:
                break
        return outcome

    def _hand_over(self, asked: _Asked, report: Report, folder: Path) -> FileOutcome:
        paths = self.github.download(report, folder)
        daily, account, standing = asked.daily, self.account, self._standing(asked)
        before = {
            day: figures(account, daily.report, day) for day in asked.days if day in self.known(daily).covered
        }
        outcome = take_in_parts(
            paths,
            name=f"{asked.name} {asked.day or report.report_end_day or ''}".strip(),
            kinds=daily.kinds_of(account.kind),
            options=self._options(asked, report),
            is_known=any(before.values()),
            standing=standing,
            by=self.by,
        )
        self._count(outcome)
        if outcome.error:
            return outcome
        self._settle_identity()
        if standing is not None and outcome.report_file == standing:
            self._confirm(asked, report)
        else:
            for day, known in before.items():
                self.tally.restated += changes(
                    self.account, daily.report, day, known, figures(self.account, daily.report, day)
                )
        self._learn(asked)
        return outcome

    def _options(self, asked: _Asked, report: Report) -> Options:
        scope = {self.account.kind: self.account.login}
        return Options(
            **scope,  # type: ignore[arg-type]
            complete=True,
            observed_at=_moment(report.observed_at),
            covers=_covers(asked, report),
            days=asked.days,
        )

    def _standing(self, asked: _Asked) -> ReportFile | None:
        """The complete file of this very day whose rows are all there, and nobody else's."""
        if asked.day is None:
            return None
        day = self._report_days(asked).select_related("file").first()
        if day is None or not day.is_complete or day.file.source != ReportFile.Source.DOWNLOAD:
            return None
        file = day.file
        is_of_this_day = file.first_day == file.last_day == asked.day and file.kind == asked.name
        return file if is_of_this_day and not file.rows_rejected and not file.rows_superseded else None

    def _report_days(self, asked: _Asked) -> Any:
        return ReportDay.objects.filter(
            account=self.account, report=asked.daily.report, day__in=list(asked.days)
        )

    def _confirm(self, asked: _Asked, report: Report) -> None:
        """The same file once more: what it said holds as of now."""
        at = _moment(report.observed_at)
        self._report_days(asked).filter(observed_at__lt=at).update(observed_at=at, closed_at=at)

    def _learn(self, asked: _Asked) -> None:
        known = self.known(asked.daily)
        known.covered.update(self._report_days(asked).values_list("day", "observed_at"))
        AskedDay.objects.filter(
            account=self.account, report=asked.daily.report, day__in=[*asked.days & known.covered.keys()]
        ).delete()

    def _settle_identity(self) -> None:
        """An account known by login only may just have proved to be one that was known by its id."""
        if self.account.github_id is None:
            before = self.account.pk
            self.account = Account.objects.named(self.account.kind, self.account.login).get()
            if self.account.pk != before:
                self._known = known_of([self.account])

    def _count(self, outcome: FileOutcome) -> None:
        tally, counts = self.tally, outcome.counts
        tally.rows_seen += counts.rows_read
        tally.rows_new += counts.rows_new
        tally.rows_changed += counts.rows_changed
        tally.rows_unchanged += counts.rows_unchanged + counts.rows_superseded
        tally.rows_rejected += counts.rows_rejected
        tally.rows_ended += len(outcome.removed)
        tally.ended += outcome.removed


def _within(asked: _Asked, report: Report) -> _Asked:
    """Of the days asked for, those that a report over several days tells of."""
    first, last = report.report_start_day, report.report_end_day
    known = first is not None and last is not None
    days = frozenset(day for day in asked.days if known and first <= day <= last)  # type: ignore[operator]
    return _Asked(asked.daily, asked.name, asked.day, days)


def _covers(asked: _Asked, report: Report) -> tuple[date, date] | None:
    """The days of which the report tells all, those without a line included.

    An account's totals over 28 days may lack some days: what it does not have is asked for day by day.
    """
    if asked.day is not None:
        return asked.day, asked.day
    if asked.daily != USERS or report.report_start_day is None or report.report_end_day is None:
        return None
    return report.report_start_day, report.report_end_day


def _moment(at: datetime) -> datetime:
    """The answer's time by GitHub's clock, unless that is out of order."""
    now = timezone.now()
    return min(at, now) if at > now + CLOCKS_DIFFER_BY else at
