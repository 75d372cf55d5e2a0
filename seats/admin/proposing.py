"""From selected reviews to batches: what would be proposed of each account, and what is left out and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from portal.cards import Cell, Figure, Figures, Table
from seats.admin.base import NOTHING, day, few
from seats.models import Account, RevocationBatch, Seat, SeatReview
from seats.reclaim.propose import Proposal, preview, propose
from seats.reclaim.refusals import BRAKES, Brake, Refusal, Refused
from seats.standing import SeatStanding

# A page tells so many seats one by one; the batch's own page has them all.
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Preview:
    """One account's part of the page."""

    account: Account
    proposal: Proposal

    @property
    def is_possible(self) -> bool:
        return bool(self.proposal.chosen) and not self.proposal.refusals

    @property
    def asks_owners(self) -> int:
        """How many seats a team's owner is asked to end."""
        counts = self.proposal.left_out_counts
        return counts.get(Brake.WRONG_PATH, 0) + counts.get(Brake.SEVERAL_GRANTS, 0)

    @property
    def figures(self) -> Figures:
        made = self.proposal
        return Figures(
            self.account.label,
            [
                Figure("Would be proposed", f"{len(made.chosen):,}"),
                Figure("Left out", f"{len(made.left_out):,}"),
                Figure("Saves a month", str(made.saving), note="from the day their access ends"),
            ],
        )

    @property
    def tables(self) -> Sequence[Table]:
        made = [self._refusals(), self._effects(), self._chosen(), self._left_out()]
        return [table for table in made if table.rows]

    def _refusals(self) -> Table:
        return Table(
            "Why nothing can be proposed here now",
            ["Brake", "What it says", "What helps"],
            [[Cell(one.name), Cell(one.says), Cell(one.remedy)] for one in self.proposal.refusals],
        )

    def _effects(self) -> Table:
        counts = Counter(one.effect.says for one in self.proposal.chosen)
        return Table(
            "What taking them back does",
            ["Effect", "Seats"],
            [[Cell(says), Cell(f"{count:,}")] for says, count in counts.most_common()],
        )

    def _chosen(self) -> Table:
        chosen = self.proposal.chosen
        return Table(
            "Whose seats, and why",
            ["Person", "Why", "Access ends", "Saves a month"],
            [
                [
                    Cell(one.standing.user.login),
                    Cell(one.standing.judgement.reason),
                    Cell(day(one.effect.ends_on)),
                    Cell(str(one.saving) if one.saving else NOTHING),
                ]
                for one in chosen[:SHOWN]
            ],
            note=_more(len(chosen)),
        )

    def _left_out(self) -> Table:
        by_brake: dict[Brake, list[tuple[SeatStanding | Seat, Refusal]]] = defaultdict(list)
        for stood, refusal in self.proposal.left_out:
            by_brake[refusal.brake].append((stood, refusal))
        return Table(
            "Left out, and why",
            ["Brake", "Seats", "Whose", "What it says", "What helps"],
            [
                [
                    Cell(BRAKES[brake].name),
                    Cell(f"{len(rows):,}"),
                    Cell(few([stood.user.login for stood, _ in rows], 3)),
                    Cell(_says(brake, [refusal for _, refusal in rows])),
                    Cell(few(sorted({refusal.remedy for _, refusal in rows}), 2)),
                ]
                for brake, rows in sorted(by_brake.items(), key=lambda item: -len(item[1]))
            ],
        )


def previews(reviews: QuerySet[SeatReview], by: Any) -> list[Preview]:
    return [
        Preview(account, preview(account, seats, by=by)) for account, seats in _by_account(reviews).items()
    ]


def propose_all(
    reviews: QuerySet[SeatReview], by: Any, reason: str
) -> tuple[list[RevocationBatch], list[tuple[Account, Refused]]]:
    """A batch of each account's reviews; and the accounts of which there is none, with the reason."""
    made: list[RevocationBatch] = []
    refused: list[tuple[Account, Refused]] = []
    for account, seats in _by_account(reviews).items():
        try:
            made.append(propose(account, seats, by=by, reason=reason))
        except Refused as refusal:
            refused.append((account, refusal))
    return made, refused


def _by_account(reviews: QuerySet[SeatReview]) -> dict[Account, list[Seat]]:
    """In one query, accounts in the order of their names."""
    seats = Seat.objects.filter(pk__in=reviews.order_by().values("seat_id"))
    by_account: dict[Account, list[Seat]] = defaultdict(list)
    accounts: dict[int, Account] = {}
    for seat in seats.select_related("account__parent", "user").order_by("account__login_key", "pk"):
        by_account[accounts.setdefault(seat.account_id, seat.account)].append(seat)
    return by_account


def _says(brake: Brake, refusals: Iterable[Refusal]) -> str:
    """What is said of them all; where it differs from seat to seat, the brake's own sentence."""
    said = {refusal.says for refusal in refusals}
    return said.pop() if len(said) == 1 else BRAKES[brake].sentence


def _more(count: int) -> str:
    return f"And {count - SHOWN:,} more; the batch lists them all." if count > SHOWN else ""
