"""Once a week, tell a team's maintainers whose seats in it look unused, and until when they may answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from django.db.models import Q
from django.utils import timezone

from portal.mailing import Outbox, Unreachable
from seats.models import (
    Account,
    GitHubUser,
    InactivityPolicy,
    Notice,
    SeatGrant,
    SeatReview,
    Team,
    TeamMembership,
)
from seats.policy_sql import today
from seats.reclaim import deliveries
from seats.reclaim.deliveries import New
from seats.reclaim.notice_words import Words, write
from seats.sync.tally import Reporter

# A mail lists so many people; the rest it counts.
MOST_PEOPLE = 200


@dataclass(slots=True)
class Digest:
    """A team, whose seats in it are about to be taken back, and who is told so."""

    team: Team
    reviews: list[SeatReview] = field(default_factory=list)
    maintainers: list[GitHubUser] = field(default_factory=list)


def send(account: Account | None, outbox: Outbox, run: Reporter | None = None) -> int:
    """Send this week's digests that are still to be sent; how many went out. Raises Unreachable."""
    digests = _digests(account)
    if not digests:
        return 0
    words, sent = Words(), 0
    waiting = _written_down(digests)
    for number, (notice, digest) in enumerate(waiting):
        if run is not None:
            run.should_stop()
        template = words.of(Notice.Kind.MAINTAINERS, digest.team.account, notice.user)
        mail = write(template, values_of(digest, notice.user))
        try:
            if deliveries.claim(notice, notice.user.address, mail) and deliveries.send(outbox, notice, mail):
                deliveries.sent(notice, timezone.now())
                sent += 1
        except Unreachable as trouble:
            deliveries.fail_rest([rest for rest, _ in waiting[number + 1 :]], str(trouble))
            raise
    return sent


def values_of(digest: Digest, maintainer: GitHubUser) -> dict[str, str]:
    """What a digest may say."""
    return {
        "login": maintainer.login,
        "name": maintainer.name or maintainer.login,
        "organization": digest.team.account.label,
        "team": digest.team.name or str(digest.team),
        "people": _table(digest.reviews),
        "count": str(len(digest.reviews)),
    }


def _table(reviews: Iterable[SeatReview]) -> str:
    """In columns, without words: it stands in mails of every language."""
    rows = sorted(
        (
            review.seat.user.login,
            str(review.seat.last_used_on or "–"),
            str(review.notice_ends_on or "–"),
        )
        for review in reviews
    )
    shown, rest = rows[:MOST_PEOPLE], len(rows) - MOST_PEOPLE
    width = max((len(login) for login, _, _ in shown), default=0)
    lines = [f"  {login:<{width}}  {used_on:<10}  {until}".rstrip() for login, used_on, until in shown]
    return "\n".join([*lines, f"  … +{rest}"] if rest > 0 else lines)


# --- What is to be sent -----------------------------------------------------------------------


def _digests(account: Account | None) -> list[Digest]:
    """The teams with somebody to list and somebody to tell."""
    waiting = SeatReview.objects.filter(
        state__in=(SeatReview.State.FLAGGED, SeatReview.State.NOTIFIED),
        seat__ended_at=None,
        seat__policy__mode__in=(InactivityPolicy.Mode.PROPOSE, InactivityPolicy.Mode.AUTOMATIC),
    ).select_related("seat__user", "seat__account")
    if account is not None:
        waiting = waiting.filter(Q(seat__account=account) | Q(seat__account__parent=account))
    reviews = list(waiting)
    if not reviews:
        return []
    digests = {team.pk: Digest(team) for team in _maintained_teams()}
    if not digests:
        return []
    teams_of = _teams_of(reviews, digests)
    for review in reviews:
        for team_id in sorted(teams_of[review.pk]):
            digests[team_id].reviews.append(review)
    for digest in digests.values():
        digest.maintainers = [
            row.user
            for row in digest.team.memberships.all()
            if row.role == TeamMembership.Role.MAINTAINER and row.user.address
        ]
    return [digest for digest in digests.values() if digest.reviews and digest.maintainers]


def _maintained_teams() -> Iterable[Team]:
    maintained = TeamMembership.objects.filter(role=TeamMembership.Role.MAINTAINER).values("team_id")
    teams = Team.objects.existing().filter(pk__in=maintained)
    return teams.select_related("account").prefetch_related("memberships__user").order_by("pk")


def _teams_of(reviews: Iterable[SeatReview], teams: Mapping[int, Digest]) -> Mapping[int, set[int]]:
    """By review: the teams that grant the seat, and those of the seat's family its holder is in."""
    granted: dict[int, set[int]] = defaultdict(set)
    grants = SeatGrant.objects.filter(
        seat_id__among={review.seat_id for review in reviews}, assigning_team_id__in=list(teams)
    )
    for seat_id, team_id in grants.values_list("seat_id", "assigning_team_id"):
        granted[seat_id].add(team_id or 0)
    member_of: dict[int, set[int]] = defaultdict(set)
    for team_id, digest in teams.items():
        for row in digest.team.memberships.all():
            member_of[row.user_id].add(team_id)
    found: dict[int, set[int]] = {}
    for review in reviews:
        family = (review.seat.account_id, review.seat.account.parent_id)
        joined = {key for key in member_of[review.seat.user_id] if teams[key].team.account_id in family}
        found[review.pk] = granted[review.seat_id] | joined
    return found


def _written_down(digests: Iterable[Digest]) -> list[tuple[Notice, Digest]]:
    """This week's notice to each maintainer, made where there is none yet; those still to be sent."""
    wanted = {
        _once_key(digest.team, user, today()): (digest, user)
        for digest in digests
        for user in digest.maintainers
    }
    deliveries.write_down(
        New(key, Notice.Kind.MAINTAINERS, user.pk, team_id=digest.team.pk)
        for key, (digest, user) in wanted.items()
    )
    notices = Notice.objects.filter(once_key__among=set(wanted)).filter(deliveries.SENDABLE)
    return [(notice, wanted[notice.once_key][0]) for notice in notices.select_related("user").order_by("pk")]


def _once_key(team: Team, user: GitHubUser, day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"team:{team.pk}:{year}-W{week:02}:user:{user.pk}"
