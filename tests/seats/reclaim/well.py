"""An account of which everything is well: its idle seats may be taken back, until a test spoils something."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from metrics.models import ReportDay, UserDay
from portal.models import Connection, ReportFile
from seats import verdicts
from seats.models import Account, GitHubUser, InactivityPolicy, Revocation, Seat, SeatReview
from seats.policy_sql import today
from seats.reclaim.refusals import Brake
from seats.reclaim.seat_check import SeatCheck
from seats.roster import ReportedGrant
from seats.standing import SeatStanding, standing
from tests.seats.holding import NOON, ago, grant, hold

TODAY = NOON.date()
# Nobody of the cast: somebody else of whom usage reports tell every day.
WITNESS = 990_000


def connected(login: str = "acme", **fields: Any) -> Account:
    """An organization, or whichever account, with a connection of its own."""
    connection = Connection.objects.create(name=login, base_url="http://127.0.0.1:9", secret_env="ANY")
    return Account.objects.create(
        **{"kind": "organization", "login": login, "connection": connection, **fields}
    )


def idle(number: int, login: str, used: int | None = 60, **fields: Any) -> ReportedGrant:
    return grant(number, login, used=used, **fields)


def busy(number: int, login: str, **fields: Any) -> ReportedGrant:
    return grant(number, login, used=1, **fields)


def rules(**fields: Any) -> InactivityPolicy:
    """The policy of everybody, with caps that stop nobody."""
    policy, _ = InactivityPolicy.objects.get_or_create(scope_key="all")
    fields = {"max_percent_per_run": 100, "max_percent_per_day": 100, "mode": "propose", **fields}
    for name, value in fields.items():
        setattr(policy, name, value)
    policy.save()
    if Seat.objects.exists():
        verdicts.refresh()
    return policy


def well(account: Account, *grants: ReportedGrant, told: bool = True) -> list[Seat]:
    """These seats, watched for three weeks, with usage told of every day, and notices that are over."""
    seats = hold(account, *grants)
    Seat.objects.filter(account=account).update(first_seen_at=ago(21))
    Account.objects.filter(pk=account.pk).update(watched_since=ago(21))
    heard(account.parent or account)
    if told:
        for seat in seats:
            if seat.verdict in ("idle", "never_used"):
                tell(seat)
    return seats


def tell(seat: Seat, **fields: Any) -> SeatReview:
    """The person was told ten days ago, and could answer until yesterday."""
    return SeatReview.objects.create(
        **{
            "seat": seat,
            "open_key": seat.pk,
            "state": "notified",
            "verdict": seat.verdict,
            "reason": "Idle.",
            "opened_on": TODAY - timedelta(days=11),
            "notified_at": ago(10),
            "notice_ends_on": TODAY - timedelta(days=1),
            **fields,
        }
    )


def heard(account: Account, days: Iterable[int] = range(1, 45), *, quiet: bool = False) -> None:
    """Whole usage reports of so many days ago, each with a line of somebody; `quiet`: of nobody."""
    file = ReportFile.objects.create(
        source="download", kind="users-1-day", subject=account.subject, state="done", observed_at=NOON, size=0
    )
    told = [TODAY - timedelta(days=number) for number in days]
    ReportDay.objects.bulk_create(
        (
            ReportDay(account=account, report="users", day=day, file=file, observed_at=NOON, is_complete=True)
            for day in told
        ),
        ignore_conflicts=True,
    )
    if quiet:
        return
    witness, _ = GitHubUser.objects.get_or_create(
        github_id=WITNESS, defaults={"login": "witness", "login_key": "witness"}
    )
    lines = (line_of(witness, account, day, file) for day in told)
    UserDay.objects.bulk_create(lines, ignore_conflicts=True)


def line_of(user: GitHubUser, account: Account, day: date, file: ReportFile, **fields: Any) -> UserDay:
    return UserDay(
        account=account, user=user, day=day, file=file, observed_at=NOON, content_hash=b"", blob=b"", **fields
    )


def forget_usage(account: Account, *, since: int, until: int = 1) -> None:
    """As if no report of these days, so many days ago, had ever come."""
    days = [TODAY - timedelta(days=number) for number in range(until, since + 1)]
    UserDay.objects.filter(account=account, day__in=days).delete()
    ReportDay.objects.filter(account=account, day__in=days).delete()


def stood(seat: Seat) -> SeatStanding:
    """How the seat stands today, by the policy that holds for it."""
    (found,) = standing(today(), seat.account, only={seat.pk})
    return found


def brake_of(seat: Seat, automatic: bool = False, **terms: Any) -> Brake | None:
    """Which brake keeps the seat from being taken back; None: nothing does."""
    refusal = SeatCheck(seat.account, today(), automatic, **terms)(stood(seat))
    return refusal.brake if refusal else None


def rows_of(state: str) -> list[str]:
    """The logins of the revocations in this state."""
    return sorted(Revocation.objects.filter(state=state).values_list("login", flat=True))
