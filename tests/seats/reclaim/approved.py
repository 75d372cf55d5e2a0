"""An organization of people who use nothing, and a batch of their seats that was approved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.utils import timezone

from portal.models import AuditEntry, Job
from seats.models import Account, InactivityPolicy, Revocation, RevocationBatch, Seat, SeatCall, SeatReview
from seats.policy_sql import today
from seats.reclaim.approve import approve
from seats.reclaim.propose import propose
from tests.fake_github import FakeGitHub, Organization, Request, seat
from tests.seats.sync.running import done

DELETE = "DELETE /orgs/{org}/copilot/billing/selected_users"
POST = "POST /orgs/{org}/copilot/billing/selected_users"
ONE = "GET /orgs/{org}/members/{username}/copilot"
E_DELETE = "DELETE /enterprises/{enterprise}/copilot/billing/selected_users"

LOOSE: dict[str, Any] = {
    "idle_days": 30, "grace_days": 0, "notice_days": 0, "min_watched_days": 0, "needs_usage_reports": False,
    "max_percent_per_run": 100, "max_percent_per_day": 100, "max_idle_jump": 100, "confirm_above": 1000,
}  # fmt: skip


def policy(**fields: Any) -> InactivityPolicy:
    """One for everybody that lets go of much, but for what a test says otherwise."""
    InactivityPolicy.objects.all().delete()
    return InactivityPolicy.objects.create(**(LOOSE | fields))


def idle_people(organization: Organization, count: int, first: int = 1) -> None:
    """So many people who were granted a seat long ago and were last seen 60 days ago, and one at work."""
    for number in range(first, first + count):
        person = organization.member(f"user-{number}", number)
        organization.seats.append(idle_seat(person))
    organization.seats.append(at_work(organization.member("busy", 9000)))


def idle_seat(person: Any, **fields: Any) -> dict[str, Any]:
    created, used = timezone.now() - timedelta(days=200), timezone.now() - timedelta(days=60)
    return seat(
        person, **({"created_at": created.isoformat(), "last_activity_at": used.isoformat()} | fields)
    )


def at_work(person: Any) -> dict[str, Any]:
    return idle_seat(person, last_activity_at=(timezone.now() - timedelta(days=1)).isoformat())


def told(seats: Iterable[Seat]) -> None:
    """On the desk, the person told, and the time to answer over."""
    SeatReview.objects.bulk_create(
        SeatReview(
            seat=one,
            open_key=one.pk,
            state=SeatReview.State.NOTIFIED,
            verdict=one.verdict,
            reason="idle",
            opened_on=today() - timedelta(days=20),
            notified_at=timezone.now() - timedelta(days=15),
            notice_ends_on=today() - timedelta(days=1),
        )
        for one in seats
    )


def somebody(*codenames: str, name: str = "rita") -> Any:
    """A person of the portal who may do this and no more."""
    user = get_user_model().objects.create_user(name, f"{name}@example.com")
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return get_user_model().objects.get(pk=user.pk)


def admin(name: str = "ada-the-admin") -> Any:
    known = get_user_model().objects.filter(username=name).first()
    return known or get_user_model().objects.create_superuser(name, f"{name}@example.com")


def approved_batch(account: Account, logins: Sequence[str] | None = None, **fields: Any) -> RevocationBatch:
    """Synced, told, proposed and approved: every idle seat of the account, or those of these people."""
    if not InactivityPolicy.objects.filter(needs_usage_reports=False).exists():
        policy(**fields)
    done("seats", account)
    account.refresh_from_db()
    return batch_of_known(account, logins)


def batch_of_known(account: Account, logins: Sequence[str] | None = None) -> RevocationBatch:
    seats = Seat.objects.held().filter(account=account).select_related("account", "user").order_by("pk")
    seats = seats.filter(user__login__in=logins) if logins is not None else seats.inactive()
    chosen = list(seats.exclude(reviews__open_key__isnull=False))
    told(chosen)
    batch = propose(account, list(seats), by=admin(), reason="They use nothing.")
    return approve(batch, admin("bo-the-boss"), "Agreed.", batch.revocations.to_do().count())


# --- What came of it --------------------------------------------------------------------------


def states(batch: RevocationBatch) -> dict[str, str]:
    """By login, as it was proposed."""
    return dict(batch.revocations.order_by("pk").values_list("login", "state"))


def brakes_of(batch: RevocationBatch) -> dict[str, str]:
    rows = batch.revocations.exclude(brake="").order_by("pk")
    return dict(rows.values_list("login", "brake"))


def asked_to_end(github: FakeGitHub, operation: str = DELETE) -> list[list[str]]:
    """The names of each call that takes seats back, as GitHub saw them."""
    return [request.body["selected_usernames"] for request in github.calls(operation)]


def pending(organization: Organization) -> list[str]:
    """Whose seat ends at GitHub."""
    return sorted(row["assignee"]["login"] for row in organization.seats if row["pending_cancellation_date"])


def trail(subject: str) -> list[str]:
    return list(
        AuditEntry.objects.filter(subject=subject).order_by("sequence").values_list("action", flat=True)
    )


def settled_later() -> None:
    """As if the calls that died had done so a minute ago."""
    SeatCall.objects.filter(state=SeatCall.State.INTENDED).update(
        intended_at=timezone.now() - timedelta(minutes=1)
    )


def is_write(request: Request) -> bool:
    return request.method in ("DELETE", "POST")


def asked_again_unseen(github: FakeGitHub) -> list[str]:
    """Who was asked for a second time without having been read in between."""
    unseen: set[str] = set()
    found = []
    for request in github.requests:
        if request.operation == ONE:
            unseen.discard(request.path.split("/")[4])
        elif is_write(request):
            names = request.body["selected_usernames"]
            found += [name for name in names if name in unseen]
            unseen |= set(names)
    return found


def job_of(batch: RevocationBatch) -> Job:
    return Job.objects.filter(kind="revoke-batch", subject=batch.subject).latest("pk")


def revocation_of(batch: RevocationBatch, login: str) -> Revocation:
    return batch.revocations.select_related("batch", "seat__user", "seat__account", "review", "call").get(
        login=login
    )
