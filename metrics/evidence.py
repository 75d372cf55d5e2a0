"""What usage tells seats about people being alive, for a past day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Exists, Max, OuterRef, QuerySet

from metrics.models import AskedDay, ReportDay, UserDay
from metrics.sync.wanted import had_settled
from portal.github.refusals import POLICY_OFF
from portal.models import Job, ReportFile
from seats import evidence
from seats.evidence import SourceLiveness
from seats.models import Account, Evidence
from seats.policy_sql import today

# Longer than any policy waits, and than GitHub remembers.
LOOK_BACK = timedelta(days=400)
# A weekend and a holiday. On more days in a row without anybody nobody was there, or nobody told.
QUIET_DAYS = 3
_DAY = timedelta(days=1)
# GitHub has told of everybody on the third day after; a day seen earlier only is seen again until then.
COMES_WITHIN = timedelta(days=3)
YOUNG = timedelta(days=5)


@evidence.tell_history
def usage_until(as_of: date, user_ids: Collection[int] | None = None) -> Mapping[int, Mapping[str, date]]:
    """Each person's newest day of use and of AI credits up to `as_of`, from whichever account's report.

    Any line is use, but for one that speaks of nothing but a review Copilot did unasked.
    """
    until = UserDay.objects.between(None, as_of).order_by()
    if user_ids is not None:
        until = until.filter(user_id__among=user_ids)
    known: dict[int, dict[str, date]] = defaultdict(dict)
    used = until.filter(only_passive_review=False).values("user_id").annotate(last_on=Max("day"))
    for row in used.iterator():
        known[row["user_id"]]["usage_report"] = row["last_on"]
    spent = until.filter(ai_credits_used__gt=0).values("user_id").annotate(last_on=Max("day"))
    for row in spent.iterator():
        known[row["user_id"]]["ai_credits"] = row["last_on"]
    return known


@evidence.tell_passive
def only_reviewed(since: date, user_ids: Collection[int]) -> Mapping[int, date]:
    """Whom usage met in nothing but reviews that Copilot made unasked, and when last."""
    days = UserDay.objects.between(since, None).filter(only_passive_review=True, user_id__among=user_ids)
    return dict(
        days.order_by().values("user_id").annotate(last_on=Max("day")).values_list("user_id", "last_on")
    )


# --- How alive usage reports are --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Told:
    """What the per-user reports of one account have told: of somebody, or that a day was quiet."""

    heard_on: Set[date]
    quiet_on: Set[date]
    # Lines of these could not be read, and may be of anybody.
    flawed_on: Set[date]
    # Why GitHub gives them no longer; empty while it does.
    refused: str

    @property
    def last_heard_on(self) -> date | None:
        return max(self.heard_on, default=None)

    @property
    def told_on(self) -> Set[date]:
        """Quiet days count where few come in a row: reports without anybody may be a policy's doing."""
        return self.heard_on | {day for run in _runs(self.quiet_on) if len(run) <= QUIET_DAYS for day in run}


@evidence.tell_liveness
def usage_reports(account: Account) -> Iterator[SourceLiveness]:
    """The account's own per-user reports and its enterprise's: each of them tells of all its people."""
    told = [_told_of(scope) for scope in (account, account.parent) if scope is not None]
    # Where one refuses, the other tells as much.
    given = [one for one in told if one.last_heard_on and not one.refused]
    off = "" if given else next((one.refused for one in told if one.refused), "")
    last = max((one.last_heard_on for one in given or told if one.last_heard_on), default=None)
    if last is None:
        says = f"No whole usage report that tells of anybody in {account.label} has ever come."
    else:
        says = f"The newest usage report that tells of anybody in {account.label} is of {last}."
    yield SourceLiveness(
        source=Evidence.Source.USAGE_REPORT.value,
        last_heard_on=last,
        told_on=frozenset().union(*(one.told_on for one in told)),
        flawed_on=frozenset().union(*(one.flawed_on for one in told)),
        is_off=bool(off),
        says=f"{off} {says}".strip(),
    )


def _told_of(account: Account) -> _Told:
    since = today() - LOOK_BACK
    days = ReportDay.objects.filter(
        account=account, report=ReportDay.Report.USERS, is_complete=True, day__gte=since
    )
    anybody = UserDay.objects.filter(account=OuterRef("account"), day=OuterRef("day"))
    rows = (
        days.order_by()
        .annotate(is_heard=Exists(anybody))
        .values_list("day", "is_heard", "observed_at", "file__source", "file__rows_rejected")
    )
    told: dict[bool, set[date]] = {True: set(), False: set()}
    flawed: set[date] = set()
    for day, is_heard, at, source, rejected in rows:
        is_early = source == ReportFile.Source.DOWNLOAD and at.date() < day + COMES_WITHIN
        if is_early and day < today() - YOUNG:
            continue  # whom GitHub has added to it since is not known
        told[is_heard].add(day)
        if rejected:
            flawed.add(day)
    asked = AskedDay.objects.filter(account=account, report=ReportDay.Report.USERS, day__gte=since)
    none = asked.filter(answer=AskedDay.Answer.NONE).order_by().values_list("day", "asked_at")
    told[False] |= {day for day, at in none if had_settled(day, at)}
    refused = _refused(account, days, max(told[True], default=None))
    return _Told(told[True], told[False] - told[True], flawed, refused)


def _refused(account: Account, days: QuerySet[ReportDay], last: date | None) -> str:
    """Why GitHub gives the account's reports no longer, or never did; whoever uploads them needs none."""
    if last is not None and not days.filter(file__source=ReportFile.Source.DOWNLOAD).exists():
        return ""
    runs = Job.objects.filter(kind="sync-usage", subject=account.subject)
    newest = runs.filter(state__in=[Job.State.DONE, Job.State.FAILED]).order_by("-id").first()
    if newest is not None and any(POLICY_OFF in text for text in _told_by(newest)):
        return f"Usage metrics of {account.label} are switched off."
    # Forgotten as soon as a report is given again.
    refusals = AskedDay.objects.filter(
        account=account, report=ReportDay.Report.USERS, answer=AskedDay.Answer.REFUSED
    )
    refused_on = refusals.order_by("-day").values_list("day", flat=True).first()
    if refused_on is not None and (last is None or refused_on > last):
        return f"GitHub refuses the usage report of {account.label} for {refused_on}."
    return ""


def _told_by(job: Job) -> Iterator[str]:
    """What a sync said of the per-user reports."""
    yield job.error
    yield from (str(note) for note in job.tally.get("notes", ()) if str(note).startswith("users"))


def _runs(days: Set[date]) -> Iterator[list[date]]:
    """The days in runs without a gap."""
    run: list[date] = []
    for day in sorted(days):
        if run and day - run[-1] != _DAY:
            yield run
            run = []
        run.append(day)
    if run:
        yield run
