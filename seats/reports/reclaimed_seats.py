"""`reclaimed-seats`: every seat that was in a batch, who decided on it, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import F, Q, QuerySet

from portal.in_order import in_order
from portal.reports import registry
from portal.reports.base import Column, Report, ReportQuery, Row, columns_named
from seats.models import Account, Revocation
from seats.reports.behind import LeadsToList
from seats.reports.scope import account_of

# Who decided where no person did.
PORTAL = "portal"


@registry.register
class ReclaimedSeats(LeadsToList, Report):
    """A line per seat and batch, those left out or refused included: `state` tells them apart.

    `--from` and `--to` ask for the day on which the seat was taken back, else on which it was proposed.
    """

    name = "reclaimed-seats"
    title = "Reclaimed seats"
    subject = "Taking seats back"
    question = "Which seats were taken back, why, by whom, and what became of them?"
    order = "batch, login, user_id"
    permission = "seats.view_revocation"
    list_of = "seats.revocation"
    options = frozenset({"--from", "--to"})

    def check(self, query: ReportQuery) -> None:
        super().check(query)
        account_of(query)

    def columns(self, query: ReportQuery) -> list[Column]:
        return [
            *columns_named("organization", "enterprise", "login", "user_id"),
            Column("plan_type", "Plan"),
            *columns_named("granted_by", "batch", "state", "verdict", "reason"),
            Column("last_evidence_on", "Last evidence"),
            Column("last_evidence_source", "Source"),
            *columns_named("proposed_by", "proposed_at", "approved_by", "approved_at"),
            Column("revoked_at", "Taken back"),
            Column("pending_cancellation_date", "Access ends"),
            Column("verified_at", "Verified"),
            *columns_named("came_back_at", "came_back_by"),
            Column("reinstated_at", "Given back"),
            *columns_named("monthly_saving", "currency", "brake"),
            Column("github_said", "GitHub said"),
            Column("approval_reason", "Approved because"),
            Column("second_approved_by", "Second approval by"),
            Column("reinstated_by", "Given back by"),
            Column("says", "Why not"),
        ]

    def rows(self, query: ReportQuery) -> Iterator[Row]:
        return map(_row, in_order(_asked(query)))


def _asked(query: ReportQuery) -> QuerySet[Revocation]:
    revocations = Revocation.objects.order_by(
        "batch_id", "login", F("seat__user__github_id").asc(nulls_last=True), "id"
    ).select_related(
        "batch__account__parent", "batch__proposed_by", "batch__approved_by", "batch__second_approved_by",
        "seat__user", "call", "reinstated_by",
    )  # fmt: skip
    account = account_of(query)
    if account is not None:
        revocations = revocations.filter(batch__account__in=Account.objects.family(account))
    if query.first_day:
        begin = _midnight(query.first_day)
        revocations = revocations.filter(
            Q(revoked_at__gte=begin) | Q(revoked_at=None, batch__proposed_at__gte=begin)
        )
    if query.last_day:
        end = _midnight(query.last_day + timedelta(days=1))
        revocations = revocations.filter(
            Q(revoked_at__lt=end) | Q(revoked_at=None, batch__proposed_at__lt=end)
        )
    return revocations if query.only is None else revocations.filter(pk__in=query.only)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


def _row(revocation: Revocation) -> Row:
    batch = revocation.batch
    by_github = revocation.state == Revocation.State.FAILED
    return (
        batch.account.organization_label,
        batch.account.enterprise_label,
        revocation.login,
        revocation.seat.user.github_id,
        revocation.plan_type,
        revocation.granted_by,
        batch.pk,
        revocation.state,
        revocation.verdict,
        revocation.reason,
        revocation.last_evidence_on,
        revocation.last_evidence_source,
        _who(batch.proposed_by, PORTAL),
        batch.proposed_at,
        _who(batch.approved_by, PORTAL if batch.is_automatic and batch.approved_at else ""),
        batch.approved_at,
        revocation.revoked_at,
        revocation.pending_cancellation_date,
        revocation.verified_at,
        revocation.came_back_at,
        revocation.came_back_by,
        revocation.reinstated_at,
        revocation.monthly_saving,
        revocation.currency,
        revocation.brake,
        revocation.says if by_github else revocation.call.said if revocation.call else "",
        batch.approval_reason,
        _who(batch.second_approved_by, ""),
        _who(revocation.reinstated_by, ""),
        "" if by_github else revocation.says,
    )


def _who(user: Any, otherwise: str) -> str:
    return user.get_username() if user else otherwise
