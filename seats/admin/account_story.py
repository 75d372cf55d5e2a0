"""What is known of an account beside its seats: GitHub's own count, its members and its teams."""

from __future__ import annotations

from collections.abc import Sequence

from django.urls import reverse
from django.utils.http import urlencode

from portal.cards import Cell, Table
from seats.admin.base import NOTHING, day, moment
from seats.figures import of_account
from seats.models import Account, Listing, OrganizationMembership, Seat, Team
from seats.models.seat import Verdict

# The newest tell most; GitHub's count changes little from day to day.
SHOWN_DAYS = 14
# Whom GitHub says it gives a seat to, in plain words.
GETS_A_SEAT = {
    "assign_all": "everybody",
    "assign_selected": "selected people and teams",
    "disabled": "nobody",
    "unconfigured": "not configured",
}


def tables(account: Account) -> Sequence[Table]:
    found = [_lists(account), _said_by_github(account), _days(account)]
    return [table for table in found if table.rows]


def _number(value: int | None) -> str:
    return NOTHING if value is None else f"{value:,}"


def _lists(account: Account) -> Table:
    """Who belongs to it and which teams it has, each with a link to the rows."""
    read = {row.what: row.read_at for row in Listing.objects.filter(account=account)}
    rows = []
    if Listing.What.MEMBERS in read:
        members = OrganizationMembership.objects.filter(account=account)
        owners = members.filter(role=OrganizationMembership.Role.ADMIN).count()
        left = Seat.objects.of_people_who_left().filter(account=account).count()
        asked = f"account={account.pk}&member=left"
        as_of = Cell(moment(read[Listing.What.MEMBERS]))
        rows += [
            [Cell("Members"), Cell(_number(members.count())), as_of],
            [Cell("Owners among them"), Cell(_number(owners)), as_of],
            [
                Cell("Left, but still seated"),
                Cell(_number(left), f"{reverse('admin:seats_seat_changelist')}?{asked}"),
                as_of,
            ],
        ]
    if Listing.What.TEAMS in read:
        teams = Team.objects.existing().filter(account=account).count()
        url = f"{reverse('admin:seats_team_changelist')}?{urlencode({'q': account.label})}"
        rows.append([Cell("Teams"), Cell(_number(teams), url), Cell(moment(read[Listing.What.TEAMS]))])
    return Table("Members and teams", ["", "How many", "As of"], rows, note="Read from GitHub's API.")


def _said_by_github(account: Account) -> Table:
    """GitHub's newest summary beside our own counts."""
    summary = account.billing_summaries.order_by("-day").first()
    if summary is None:
        return Table("What GitHub itself says", [], [])
    ours = of_account(account)
    counts = [
        ("Seats", summary.total, _number(ours.seats)),
        ("To be cancelled", summary.pending_cancellation, _number(ours.by_verdict[Verdict.PENDING])),
        ("Added this cycle", summary.added_this_cycle, NOTHING),
        ("Invited, not yet there", summary.pending_invitation, NOTHING),
        ("Active this cycle", summary.active_this_cycle, NOTHING),
        ("Inactive this cycle", summary.inactive_this_cycle, NOTHING),
    ]
    gets_one = summary.seat_management_setting
    settings = [
        ("Plan", summary.plan_type),
        ("Who gets a seat", GETS_A_SEAT.get(gets_one, gets_one)),
        ("Suggestions matching public code", summary.public_code_suggestions),
        ("Chat in the IDE", summary.ide_chat),
        ("Chat on the platform", summary.platform_chat),
        ("CLI", summary.cli),
    ]
    rows = [[Cell(name), Cell(_number(said)), Cell(own)] for name, said, own in counts]
    rows += [[Cell(name), Cell(said.replace("_", " ") or NOTHING), Cell(NOTHING)] for name, said in settings]
    return Table(
        "What GitHub itself says",
        ["", f"GitHub, {moment(summary.observed_at)}", "Our own count"],
        rows,
        note="GitHub counts as active who was active in this billing cycle, so its active and inactive seats "
        "follow no policy of ours and need not add up to all. The two counts may be of different hours.",
    )


def _days(account: Account) -> Table:
    summaries = account.billing_summaries.order_by("-day")[:SHOWN_DAYS]
    return Table(
        "GitHub's own count, day by day",
        ["Day", "Seats", "Added this cycle", "To be cancelled", "Active", "Inactive", "Plan"],
        [
            [
                Cell(day(row.day)),
                *(
                    Cell(_number(value))
                    for value in (
                        row.total,
                        row.added_this_cycle,
                        row.pending_cancellation,
                        row.active_this_cycle,
                        row.inactive_this_cycle,
                    )
                ),
                Cell(row.plan_type or NOTHING),
            ]
            for row in summaries
        ],
    )
