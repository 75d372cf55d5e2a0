"""The whole story of one seat: why, what taking it back would do, what happened on one line of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils.text import capfirst

from portal.cards import Cell, Table
from seats.admin.base import NOTHING, day, moment
from seats.admin.taking_back import would_do
from seats.admin.timeline import Timeline
from seats.exemptions import Exempt
from seats.models import Evidence, Exemption, Seat
from seats.models.seat import Verdict
from seats.pages import SeatPanel, panels_of
from seats.policy import Facts, Rule, evaluate
from seats.policy_sql import rule_of
from seats.verdicts import today


@dataclass(frozen=True, slots=True)
class Story:
    reason: str
    panels: Sequence[SeatPanel | Timeline]


def story(seat: Seat, user: Any) -> Story:
    """In the order in which somebody asks: what if, is it used, what happened; then all that is known."""
    tables = [_grants(seat), _evidence(seat), _exemptions(seat)]
    return Story(
        reason=reason(seat),
        panels=[
            would_do(seat),
            *panels_of(seat, user),
            Timeline.of(seat, user),
            _facts(seat),
            *(table for table in tables if table.rows),
        ],
    )


def reason(seat: Seat) -> str:
    """The sentence of the policy for the cached verdict, in the words of `seats.policy`."""
    if seat.ended_at:
        return f"The seat ended: the roster of {moment(seat.ended_at)} no longer shows it."
    as_of = seat.verdict_as_of or today()
    rule = rule_of(seat.policy) if seat.policy else Rule()
    judgement = evaluate(_known(seat, as_of), rule, as_of)
    policy = f" Policy: {seat.policy}." if seat.policy else ""
    return f"{judgement.reason}{policy} As of {day(as_of)}."


def _known(seat: Seat, as_of: date) -> Facts:
    exemption = Exempt(as_of, only=seat).covers(seat) if seat.verdict == Verdict.EXEMPT else None
    return Facts(
        created_on=seat.created_at.date() if seat.created_at else None,
        pending_cancellation_date=seat.pending_cancellation_date,
        is_exempt=seat.verdict == Verdict.EXEMPT,
        exemption=exemption.says if exemption else "",
        evidence=dict(Evidence.objects.filter(user=seat.user_id).values_list("source", "last_on")),
        watched_since=seat.watched_since.date() if seat.watched_since else None,
    )


def _facts(seat: Seat) -> Table:
    account = reverse("admin:seats_account_change", args=[seat.account_id])
    person = reverse("admin:seats_githubuser_change", args=[seat.user_id])
    rows = [
        ("Person", seat.user.login, person),
        ("Organization or enterprise", seat.account.label, account),
        ("Plan", seat.plan_type, ""),
        ("Created", moment(seat.created_at), ""),
        ("Last activity, as GitHub last told", moment(seat.last_activity_at), ""),
        ("Editor", seat.last_activity_editor or NOTHING, ""),
        ("Last sign-in", moment(seat.last_authenticated_at), ""),
        ("Access ends", day(seat.pending_cancellation_date), ""),
        ("First seen by us", moment(seat.first_seen_at), ""),
        ("Last seen by us", moment(_last_seen_at(seat)), ""),
        ("Told by the list", *_file(seat)),
        ("Watched without a gap since", moment(seat.watched_since), ""),
    ]
    return Table("The seat", [], [[Cell(name), Cell(value, url)] for name, value, url in rows])


def _file(seat: Seat) -> tuple[str, str]:
    """The list that decides what the seat's row says: what it is, who brought it when, and its page."""
    file = seat.file
    if file is None:
        return NOTHING, ""
    by = f" by {file.received_by}" if file.received_by else ""
    words = f"{file.name}, {file.get_source_display()}{by} on {moment(file.received_at)}"
    return words, reverse("admin:portal_reportfile_change", args=[file.pk])


def _last_seen_at(seat: Seat) -> datetime:
    listed: Any = Seat.objects.with_listed_at().get(pk=seat.pk)
    return max(seat.last_seen_at, listed.listed_at or seat.last_seen_at)


def _grants(seat: Seat) -> Table:
    grants = seat.grants.select_related("assigning_team")
    return Table(
        "How it was granted",
        ["Route", "Team", "Plan", "Granted", "Access ends"],
        [
            [
                Cell(grant.get_route_display()),
                Cell(str(grant.assigning_team) if grant.assigning_team else NOTHING),
                Cell(grant.plan_type),
                Cell(moment(grant.created_at)),
                Cell(day(grant.pending_cancellation_date)),
            ]
            for grant in grants
        ],
    )


def _evidence(seat: Seat) -> Table:
    rows = Evidence.objects.filter(user=seat.user_id).order_by("-last_on")
    return Table(
        "Evidence of use, by source",
        ["Source", "Newest day"],
        [[Cell(capfirst(row.get_source_display())), Cell(day(row.last_on))] for row in rows],
        note="It belongs to the person, whichever account saw it.",
    )


def _exemptions(seat: Seat) -> Table:
    """Those of the person, whenever they hold, and whichever rule covers the seat today."""
    here = Q(account=None) | Q(account=seat.account_id) | Q(account__organizations=seat.account_id)
    covering = [one.pk for one in Exempt(today(), only=seat).covering(seat)]
    exemptions = Exemption.objects.filter(Q(here, user=seat.user_id) | Q(pk__in=covering)).distinct()
    return Table(
        "Exemptions",
        ["Reason", "About", "From", "Until", "Owner", "By"],
        [
            [
                Cell(row.reason, reverse("admin:seats_exemption_change", args=[row.pk])),
                Cell(row.target),
                Cell(day(row.starts_on)),
                Cell(day(row.until) if row.until else "taken back"),
                Cell(row.owner or NOTHING),
                Cell(row.created_by.get_username() if row.created_by else NOTHING),
            ]
            for row in exemptions.select_related("created_by", "user", "team")
        ],
    )
