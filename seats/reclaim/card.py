"""The home page's word on taking seats back: what is on the desk, what waits for whom, what it is worth."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from django.db.models import Count, Q, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from portal.cards import Figure, Figures, card
from portal.site import page_for
from seats.cards import chosen_account
from seats.figures import Cost
from seats.models import Account, RemovalTask, Revocation, RevocationBatch, SeatReview
from seats.policy_sql import today

Review = SeatReview.State
Batch = RevocationBatch.State
WAITING = (Batch.PROPOSED, Batch.HALF_APPROVED)
GOING_ON = (Batch.APPROVED, Batch.EXECUTING, Batch.STOPPED)


@card(order=20, permission="seats.view_seatreview")
def taking_back(request: HttpRequest) -> Figures | None:
    account = chosen_account(request)
    figures = [*_reviews(account), *_batches(request, account), *_tasks(request, account)]
    if not any(figure.value != "0" for figure in figures):
        return None
    figures += _pending(request, account)
    title = f"Taking seats back in {account.label}" if account else "Taking seats back"
    return Figures(title, figures, note="From a flag to a seat that is taken back, each step in its turn.")


def _reviews(account: Account | None) -> Iterator[Figure]:
    reviews = SeatReview.objects.open().order_by()
    if account is not None:
        reviews = reviews.filter(seat__account__in=Account.objects.family(account))
    running = Q(answer="", notified_at__isnull=False) & (
        Q(notice_ends_on=None) | Q(notice_ends_on__gte=today())
    )
    asked = {"account": account.pk} if account else {}
    by_state = {
        state: (count, told)
        for state, count, told in reviews.values_list("state").annotate(
            count=Count("pk"), told=Count("pk", filter=running)
        )
    }
    flagged, _ = by_state.get(Review.FLAGGED, (0, 0))
    told, waiting = by_state.get(Review.NOTIFIED, (0, 0))
    failed, _ = by_state.get(Review.FAILED, (0, 0))
    total = sum(count for count, _ in by_state.values())
    yield Figure(
        "Reviews on the desk", f"{total:,}", _reviews_url(**asked), f"{flagged:,} flagged, {told:,} told"
    )
    notice = _reviews_url(**asked, state=Review.NOTIFIED.value, notice="running")
    yield Figure("Notices running", f"{waiting:,}", notice, "may still answer")
    if failed:
        yield Figure(
            "Failed", f"{failed:,}", _reviews_url(**asked, state=Review.FAILED.value), "look at each", "bad"
        )


def _reviews_url(**asked: str | int) -> str:
    page = reverse("admin:seats_seatreview_changelist")
    return f"{page}?{urlencode(asked)}" if asked else page


def _batches(request: HttpRequest, account: Account | None) -> Iterator[Figure]:
    page = page_for(request.user, "admin:seats_revocationbatch_changelist", "seats.view_revocationbatch")
    if not page:
        return
    batches = RevocationBatch.objects.order_by()
    if account is not None:
        batches = batches.filter(account__in=Account.objects.family(account))
    counts = dict(batches.values_list("state").annotate(count=Count("pk")))
    asked = {"account": str(account.pk)} if account else {}
    for label, states, note in (
        ("Batches to approve", WAITING, "somebody decides"),
        ("Approved or at work", GOING_ON, "to execute, or to go on"),
    ):
        count = sum(counts.get(state, 0) for state in states)
        query = urlencode({**asked, "state__in": ",".join(states)})
        yield Figure(label, f"{count:,}", f"{page}?{query}", note)


def _tasks(request: HttpRequest, account: Account | None) -> Iterator[Figure]:
    page = page_for(request.user, "admin:seats_removaltask_changelist", "seats.view_removaltask")
    if not page:
        return
    tasks = RemovalTask.objects.filter(state=RemovalTask.State.OPEN)
    if account is not None:
        tasks = tasks.filter(seat__account__in=Account.objects.family(account))
    if count := tasks.count():
        url = f"{page}?state__exact={RemovalTask.State.OPEN.value}"
        yield Figure("Asked of team owners", f"{count:,}", url, "tasks to do")


def _pending(request: HttpRequest, account: Account | None) -> Iterator[Figure]:
    """What is paid for seats that were taken back, until their cycle ends."""
    page = page_for(request.user, "admin:seats_savings", "seats.view_revocation")
    if not page:
        return
    rows = Revocation.objects.filter(
        state__in=[Revocation.State.REVOKED, Revocation.State.VERIFIED],
        pending_cancellation_date__gt=today(),
    )
    if account is not None:
        rows = rows.filter(batch__account__in=Account.objects.family(account))
    amounts: dict[str, Decimal] = {}
    unpriced = 0
    for currency, amount, seats, priced in (
        rows.order_by()
        .values_list("currency")
        .annotate(amount=Sum("monthly_saving"), seats=Count("pk"), priced=Count("monthly_saving"))
    ):
        unpriced += seats - priced
        if priced:
            amounts[currency] = amount
    url = f"{page}?{urlencode({'account': account.pk})}" if account else page
    yield Figure(
        "Savings to come", str(Cost(amounts, unpriced)), url, "a month, once their cycle ends", "good"
    )
