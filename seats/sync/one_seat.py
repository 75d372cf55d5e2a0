"""Ask GitHub about one seat at a time, and let what it says stand beside what the newest list said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from portal.github import payloads
from portal.github.client import GitHub
from portal.github.errors import NotFound
from seats import roster, verdicts
from seats.connecting import target_of
from seats.models import Account, Seat, SeatGrant, SeatRoster
from seats.roster import Applied, ReportedGrant, Roster
from seats.sync.seats import meet_accounts, reported


class ChangedHands(Exception):
    """The login is somebody else's today: what GitHub says of it is not about our seat."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What GitHub said of one seat, and of the same person's grants elsewhere in an enterprise."""

    seat: Seat
    found: Sequence[payloads.Seat]
    read_at: datetime

    @property
    def own(self) -> list[payloads.Seat]:
        """The grants of the account itself, without those of an enterprise's organizations."""
        return [one for one in self.found if self._is_own(one)]

    @property
    def ends_on(self) -> date | None:
        """The day on which access ends; None where any of its grants goes on."""
        days = [one.pending_cancellation_date for one in self.own]
        return None if None in days else max((day for day in days if day), default=None)

    def _is_own(self, one: payloads.Seat) -> bool:
        is_enterprise = self.seat.account.kind == Account.Kind.ENTERPRISE
        return not is_enterprise or not (one.organization_id or one.organization_login)


def ask(seat: Seat, github: GitHub) -> Applied:
    """Ask GitHub about one person's seat now: it is added to or changed, never ended, by the answer.

    Raises NotFound where the person holds no seat any more, ChangedHands where the login is another
    person's, WrongAccount where the account's is another one's, and the errors of portal.github.
    """
    applied = take_in([read(seat, github)])
    verdicts.refresh(accounts=applied.accounts)
    return applied


def read(seat: Seat, github: GitHub) -> Answer:
    """Ask without writing anything; raises as `ask` does."""
    read_at = moment_after_all_known(seat.account)
    answer = Answer(seat, github.seat(target_of(seat.account), seat.user.login), read_at)
    ours = seat.user.github_id
    others = {one.assignee_id for one in answer.found} - {ours}
    if ours is not None and others:
        raise ChangedHands(
            f"The login {seat.user.login} is of the person with the id {min(others)} today; this seat is of "
            f"the one with the id {ours}. The next list of seats tells under which name."
        )
    if not answer.own:
        says = f"GitHub shows no seat of {seat.user.login} that {seat.account} itself granted."
        raise NotFound(says, status=404)
    return answer


def take_in(answers: Sequence[Answer]) -> Applied:
    """Write what GitHub said of seats of one account; their verdicts are not judged anew."""
    found = [one for answer in answers for one in answer.found]
    with transaction.atomic():
        scope = meet_accounts(answers[0].seat.account, found)
        grants = [*reported(found), *_granted_besides(answers)]
        return roster.apply(
            Roster(
                scope=scope,
                observed_at=min(answer.read_at for answer in answers),
                grants=grants,
                is_complete=False,
            )
        )


def moment_after_all_known(account: Account) -> datetime:
    """Now, and later than every list taken in: whatever the clocks say, those were read before."""
    above = [account.pk, account.parent_id] if account.parent_id else [account.pk]
    lists = SeatRoster.objects.filter(account__in=above) | SeatRoster.objects.filter(account__parent=account)
    newest = lists.aggregate(at=Max("last_observed_at"))["at"]
    now = timezone.now()
    return now if newest is None else max(now, newest + timedelta(microseconds=1))


def _granted_besides(answers: Iterable[Answer]) -> list[ReportedGrant]:
    """Grants that the newest list told and an organization's answer leaves open: it shows one of several."""
    asked = {
        answer.seat.pk: answer
        for answer in answers
        if answer.seat.account.kind == Account.Kind.ORGANIZATION and answer.seat.ended_at is None
    }
    known = SeatGrant.objects.filter(seat_id__among=set(asked)).select_related("assigning_team")
    besides: list[ReportedGrant] = []
    for grant in known.order_by("seat", "route", "team_key"):
        shown = asked[grant.seat_id].own
        team = grant.assigning_team
        if (team.github_id if team else None) in {one.team_id for one in shown}:
            continue
        besides.append(
            replace(
                ReportedGrant.of(len(besides) + 1, shown[0]),
                team_id=team.github_id if team else None,
                team_slug=team.slug if team else "",
                team_name=team.name if team else "",
                team_is_enterprise=grant.route == SeatGrant.Route.ENTERPRISE_TEAM if team else None,
                plan_type=grant.plan_type,
                created_at=grant.created_at,
                pending_cancellation_date=grant.pending_cancellation_date,
            )
        )
    return besides
