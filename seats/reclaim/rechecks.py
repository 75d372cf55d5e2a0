"""The last look at each seat before it is taken back: at GitHub, and by every brake, as it stands now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import transaction

from portal.github.client import GitHub
from portal.github.errors import NotFound, Unprocessable
from seats.models import InactivityPolicy, Revocation, RevocationBatch
from seats.policy_sql import today
from seats.reclaim import brakes, outcomes
from seats.reclaim.refusals import Brake, Refusal
from seats.standing import SeatStanding, standing
from seats.sync import one_seat
from seats.sync.one_seat import Answer, ChangedHands


@dataclass(frozen=True, slots=True)
class Checked:
    """A seat that may be taken back under this login, or why it may not."""

    revocation: Revocation
    login: str
    policy: InactivityPolicy | None = None
    refusal: Refusal | None = None


class Recheck:
    """Checks seats of one batch.

    Without `github` nothing is asked: what is known here has to do. Unless it `writes`, what GitHub says
    counts for the check and is forgotten.
    """

    def __init__(self, batch: RevocationBatch, github: GitHub | None, *, writes: bool = True) -> None:
        self._batch = batch
        self._account = batch.account
        self._github = github
        self._writes = writes

    def __call__(
        self, revocations: Sequence[Revocation], on_read: Callable[[int], None] = lambda _: None
    ) -> list[Checked]:
        """`revocations` with their seat, its account and user, and their review. Raises GitHubError."""
        refused: dict[int, Refusal] = {}
        answers: dict[int, Answer] = {}
        for number, one in enumerate(revocations):
            on_read(number)
            refusal = self._refusal_of_row(one) or self._read(one, answers)
            if refusal is not None:
                refused[one.pk] = refusal
        rest = [one for one in revocations if one.pk not in refused]
        stood = self._stand(rest, list(answers.values()))
        for one in rest:
            refusal = self._judge(one, stood.get(one.seat_id), answers.get(one.pk))
            if refusal is not None:
                refused[one.pk] = refusal
        policies = {key: each.policy for key, each in stood.items()}
        return [
            Checked(one, _login(one, answers.get(one.pk)), policies.get(one.seat_id), refused.get(one.pk))
            for one in revocations
        ]

    def _stand(self, rest: Sequence[Revocation], answers: Sequence[Answer]) -> dict[int, SeatStanding]:
        """How the seats stand now, by all that is known and by what GitHub has just said."""
        with transaction.atomic():
            if answers:
                one_seat.take_in(answers)
            as_of = today()
            stood = {
                each.seat.pk: each
                for each in standing(as_of, self._account, only={one.seat_id for one in rest})
            }
            self._check = brakes.SeatCheck(
                self._account,
                as_of,
                self._batch.is_automatic,
                seats=[each.seat for each in stood.values()],
                batch=self._batch,
                by_portal=self._batch.proposed_by_id is None,
            )
            if not self._writes:
                transaction.set_rollback(True)
        return stood

    def _refusal_of_row(self, one: Revocation) -> Refusal | None:
        if one.seat.account_id != self._batch.account_id:
            return Refusal.of(
                Brake.WRONG_PATH, f"It is a seat of {one.seat.account}, not of {self._account}."
            )
        if one.seat.user.github_id is None:
            return Refusal.of(Brake.NO_IDENTITY)
        return outcomes.refusal_of(one.review)

    def _read(self, one: Revocation, answers: dict[int, Answer]) -> Refusal | None:
        if self._github is None:
            return None
        try:
            answers[one.pk] = one_seat.read(one.seat, self._github)
        except NotFound as error:
            return Refusal.of(Brake.NOT_IN_GITHUB, str(error))
        except ChangedHands as error:
            return Refusal.of(Brake.LOGIN_CHANGED_HANDS, str(error))
        except Unprocessable as error:
            return Refusal.of(Brake.GITHUB_REFUSES, str(error))
        return None

    def _judge(
        self,
        one: Revocation,
        stood: SeatStanding | None,
        answer: Answer | None,
    ) -> Refusal | None:
        if stood is None:
            return Refusal.of(Brake.SEAT_ENDED)
        if answer is not None and answer.ends_on is not None:
            return Refusal.of(Brake.PENDING_ALREADY, f"It is cancelled already and ends on {answer.ends_on}.")
        return self._check(stood) or _granted_otherwise(answer) or _changed(one, stood)


def _granted_otherwise(answer: Answer | None) -> Refusal | None:
    """By what GitHub said just now, whatever is known here."""
    if answer is None:
        return None
    teams = sorted({one.team_slug or str(one.team_id) for one in answer.own if one.team_id is not None})
    if not teams:
        return None
    brake = Brake.SEVERAL_GRANTS if len(answer.own) > 1 else Brake.WRONG_PATH
    return Refusal.of(brake, f"It is granted by the team {', '.join(teams)}.")


def _changed(one: Revocation, stood: SeatStanding) -> Refusal | None:
    """What was approved must be what is there: evidence that is newer was not known to whoever approved."""
    seen, known = stood.last_evidence_on, one.last_evidence_on
    if seen is not None and (known is None or seen > known):
        return Refusal.of(
            Brake.CHANGED_SINCE_PROPOSED,
            f"It was used on {seen}, by what is known now; when it was proposed, that was not known.",
        )
    if one.granted_by and stood.granted_by != one.granted_by:
        return Refusal.of(
            Brake.CHANGED_SINCE_PROPOSED,
            f"It was granted {one.granted_by} when it was proposed, and is {stood.granted_by} now.",
        )
    return None


def _login(one: Revocation, answer: Answer | None) -> str:
    return answer.own[0].assignee_login if answer is not None else one.seat.user.login
