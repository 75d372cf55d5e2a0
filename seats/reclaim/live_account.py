"""The account as GitHub knows it at this moment: whether it is the one we mean, and what it lets be done."""

from __future__ import annotations

import time

from portal.github.client import GitHub
from seats.accounts import WrongAccount
from seats.connecting import target_of
from seats.models import Account
from seats.reclaim.refusals import Brake, Refusal

# An enterprise tells how many seats it has by its whole list: that is read again when so few would remain
# by the last count, or when that is as old as this.
FEW = 200
COUNT_HOLDS_SECONDS = 600.0


def check_identity(account: Account, github: GitHub) -> None:
    """An organization's login may have changed hands. Raises WrongAccount, and GitHubError."""
    if account.kind != Account.Kind.ORGANIZATION:
        return  # of enterprises GitHub tells nothing
    found = github.organization(account.login)
    if account.github_id is not None and found.id != account.github_id:
        raise WrongAccount(
            f"{account.label} was the organization with the id {account.github_id}; today its login is of "
            f"the one with the id {found.id}. Nothing is done there: sync the connection's accounts."
        )


class LiveAccount:
    """Counts the seats of one account for one run, which says how many it takes."""

    def __init__(self, account: Account, github: GitHub) -> None:
        self._account = account
        self._github = github
        self._counted = 0
        self._counted_at: float | None = None

    def refusal(self) -> Refusal | None:
        """Whether the settings let seats be taken back one by one. Raises GitHubError."""
        if self._account.kind != Account.Kind.ORGANIZATION:
            return None
        self._billing = self._github.billing(self._account.login)
        access, public_code = self._billing.seat_management_setting, self._billing.public_code_suggestions
        return _refusal(self._account, access, public_code)

    def remaining(self) -> int:
        """People with a seat of the account itself that does not end. Raises GitHubError.

        Where GitHub tells of fewer seats than there are, the fewer count.
        """
        if self._account.kind == Account.Kind.ORGANIZATION:
            counted = self._billing.seat_breakdown
            if counted.total is not None and counted.pending_cancellation is not None:
                return max(counted.total - counted.pending_cancellation, 0)
        now = time.monotonic()
        is_old = self._counted_at is None or now - self._counted_at > COUNT_HOLDS_SECONDS
        if is_old or self._counted <= FEW:
            self._counted, self._counted_at = len(_lasting(self._account, self._github)), now
        return self._counted

    def took(self, seats: int) -> None:
        """So many fewer remain than were counted, at least."""
        self._counted = max(self._counted - seats, 0)


def _lasting(account: Account, github: GitHub) -> set[int]:
    is_enterprise = account.kind == Account.Kind.ENTERPRISE
    return {
        seat.assignee_id
        for seat in github.seats(target_of(account)).seats
        if seat.pending_cancellation_date is None
        and not (is_enterprise and (seat.organization_id or seat.organization_login))
    }


def _refusal(account: Account, access: str | None, public_code: str | None) -> Refusal | None:
    if access not in (None, "assign_selected"):
        return Refusal.of(
            Brake.ACCESS_SETTING, f"{account.label} gives seats by the setting {access}: nobody singly."
        )
    if public_code == "unconfigured":
        return Refusal.of(
            Brake.ACCESS_SETTING,
            f"{account.label} has not chosen what suggestions matching public code may do: GitHub refuses "
            "changes of seats until it has.",
        )
    return None
