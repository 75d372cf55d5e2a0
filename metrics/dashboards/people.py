"""People: all in a list that can be sorted and searched, who uses it most and least, and who not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from django.urls import reverse
from django.utils.text import capfirst

from metrics.dashboards.asked import Asked
from metrics.dashboards.page_of_list import page_of
from metrics.dashboards.panel import Column, Drawing, Form, Kind, Linked, Panel, Row, Value
from metrics.dashboards.registry import page
from metrics.dashboards.wording import listed, percent, several
from metrics.figures import ratio
from metrics.figures.persons import (
    MOST_LINES,
    ORDERS,
    ByActiveDays,
    People,
    PersonUse,
    days_told,
    people_by_active_days,
    people_list,
    seats_without_use,
)

SOURCE = "https://docs.github.com/copilot/reference/copilot-usage-metrics/copilot-usage-metrics"
PAGE = 50
RANKED = 10
ORDER_WORDS = {
    "interactions": "interactions",
    "active_days": "active days",
    "acceptance_rate": "acceptance rate",
    "lines": "lines added",
    "last_day": "last day",
    "login": "login",
}
USUAL_ORDER = "-interactions"

people = page(
    "people",
    "People",
    "person_search",
    order=120,
    permission="metrics.view_userday",
    without=frozenset({"by", "compare"}),
    params=frozenset({"order", "at"}),
    fields=(("login", "Login begins with"),),
)


# --- The list ---------------------------------------------------------------------------------


@people.panel(
    "everybody",
    "Everybody with use",
    definition="Who has a line in the account's per-user reports of these days; active days are days with a "
    "line. Of a team, only days on which the person was in it.",
    source=SOURCE,
    wide=True,
)
def everybody(asked: Asked) -> Panel:
    order, descending = order_of(asked)
    at, link = page_of(asked), person_links(asked)
    found = people_list(
        asked.scope,
        asked.days(),
        order=order,
        descending=descending,
        login=asked.params.get("login", ""),
        offset=(at - 1) * PAGE,
        limit=PAGE,
    )
    return Panel(
        [
            Column("login", "Person", Kind.TEXT),
            Column("active_days", "Active days"),
            Column("last_day", "Last day", Kind.DAY),
            Column("interactions", "Interactions"),
            Column("generations", "Generations"),
            Column("acceptances", "Acceptances"),
            Column("acceptance_rate", "Acceptance rate", Kind.RATE),
            Column("lines_added", "Lines added"),
            Column("lines_deleted", "Lines deleted"),
            Column("chat_days", "Days with chat"),
            Column("agent_days", "Days with an agent"),
            Column("cli_days", "Days with the CLI"),
            Column("ai_credits_used", "AI credits", Kind.DECIMAL),
        ],
        [_row(link, use) for use in found.rows],
        note=" ".join(filter(None, [_note(found, order, at), _missing(asked)])),
        empty=_nobody(asked, at),
        links=_links(asked, found, order, at, descending=descending),
    )


def _row(link: Links, use: PersonUse) -> Row:
    return [
        link(use.user_key, use.login),
        use.active_days,
        use.last_day,
        use.sums.user_initiated_interaction_count,
        use.sums.code_generation_activity_count,
        use.sums.code_acceptance_activity_count,
        use.acceptance_rate,
        use.sums.loc_added_sum,
        use.sums.loc_deleted_sum,
        use.chat_days,
        use.agent_days,
        use.cli_days,
        use.ai_credits_used,
    ]


Links = Callable[[int, str], Linked]


def person_links(asked: Asked) -> Links:
    """From a key and login to the page of the person, in the same account and days."""
    query = asked.query(
        scope=str(asked.scope.account.pk), team=None, order=None, at=None, login=None, person=None
    )
    page_of_person = f"{reverse('metrics:usage', args=['person'])}?{query}&person="
    return lambda user_key, login: Linked(login, f"{page_of_person}{user_key}")


def order_of(asked: Asked) -> tuple[str, bool]:
    """The order in the address, `-` before it for the largest first; what is none is the usual one."""
    given = asked.params.get("order", USUAL_ORDER)
    order = given.removeprefix("-")
    if order not in ORDERS:
        order, given = USUAL_ORDER.removeprefix("-"), USUAL_ORDER
    return order, given.startswith("-")


def _note(found: People, order: str, at: int) -> str:
    first = (at - 1) * PAGE + 1
    notes = [f"Rows {first:,} to {first + len(found.rows) - 1:,}, by {ORDER_WORDS[found.order]}."]
    if found.order != order:
        notes.append(
            f"By {ORDER_WORDS[order]} these are too many, over {MOST_LINES:,} person-days: the newest 28 "
            "days, fewer days, a team or the beginning of a login can be sorted so."
        )
    return " ".join(notes)


def _missing(asked: Asked) -> str:
    """That days are missing; nothing where none is, or all are."""
    days = len(asked.days())
    told = days_told(asked.scope, asked.days())
    if told in (0, days):
        return ""
    return f"Of {several(days - told, 'day', 'days')} of these {days} there is no report; they count nowhere."


def _nobody(asked: Asked, at: int) -> str:
    if at > 1:
        return "The list ends before this page."
    if login := asked.params.get("login", ""):
        return f"Nobody whose login begins with “{login}” has a line in the reports of these days."
    return "Nobody has a line in the reports of these days, or none of them was taken in."


def _links(asked: Asked, found: People, order: str, at: int, *, descending: bool) -> list[tuple[str, str]]:
    """The pages next to this one, then the orders; the current one turns around."""
    here = reverse("metrics:usage", args=[people.slug])
    links = []
    if at > 1:
        links.append(("Previous page", f"{here}?{asked.query(at=str(at - 1) if at > 2 else None)}"))
    if found.has_more:
        links.append(("Next page", f"{here}?{asked.query(at=str(at + 1))}"))
    for each, words in ORDER_WORDS.items():
        # Names read from A on; of everything else the most comes first.
        turned = not descending if each == order else each != "login"
        sign = "-" if turned else ""
        arrow = f" {'↓' if descending else '↑'}" if each == found.order else ""
        links.append((f"By {words}{arrow}", f"{here}?{asked.query(order=f'{sign}{each}', at=None)}"))
    return links


# --- Most and least ---------------------------------------------------------------------------


@people.panel(
    "most-active",
    "Most active people",
    definition="The ten people with the most interactions they began themselves; over very many person-days, "
    "those active on the most days.",
    source=SOURCE,
)
def most_active(asked: Asked) -> Panel:
    return _ranking(asked, "interactions", descending=True)


@people.panel(
    "least-active",
    "Least active people",
    definition="Ten people who were active on the fewest days, of those with a line at all.",
    source=SOURCE,
)
def least_active(asked: Asked) -> Panel:
    return _ranking(asked, "active_days", descending=False)


def _ranking(asked: Asked, order: str, *, descending: bool) -> Panel:
    found = people_list(asked.scope, asked.days(), order=order, descending=descending, limit=RANKED)
    link = person_links(asked)
    return Panel(
        [
            Column("login", "Person", Kind.TEXT),
            Column("interactions", "Interactions"),
            Column("active_days", "Active days"),
            Column("last_day", "Last day", Kind.DAY),
        ],
        [
            [
                link(use.user_key, use.login),
                use.sums.user_initiated_interaction_count,
                use.active_days,
                use.last_day,
            ]
            for use in found.rows
        ],
        Drawing(Form.RANKED, [found.order]),
        note=_missing(asked),
    )


@people.panel(
    "by-active-days",
    "People by active days",
    definition="How many people were active on exactly so many of these days.",
    source=SOURCE,
)
def by_active_days(asked: Asked) -> Panel:
    counted = people_by_active_days(asked.scope, asked.days())
    return Panel(
        [Column("active_days", "Active days", Kind.TEXT), Column("people", "People")],
        [[str(days), counted.people.get(days, 0)] for days in range(1, counted.most + 1)],
        Drawing(Form.BARS, ["people"]),
        note=_missing(asked),
    )


@people.panel(
    "without-use",
    "Seats without use",
    definition="Held seats of people without a line in the account's reports of these days, those whose "
    "newest evidence of use is oldest first; an enterprise's include its organizations'.",
    source="https://docs.github.com/copilot/concepts/copilot-usage-metrics",
    permission="seats.view_seat",
    wide=True,
)
def without_use(asked: Asked) -> Panel:
    days = asked.days()
    found, link = seats_without_use(asked.scope, days, PAGE), person_links(asked)
    # Where all of them are but for the key: to look it up for each takes longer than to write the row.
    before, _, after = reverse("admin:seats_seat_change", args=[0]).rpartition("0")

    def to_seat(key: int) -> Linked:
        return Linked("Seat", f"{before}{key}{after}")

    notes = []
    if found.has_more:
        notes.append(f"The first {PAGE}; there are more.")
    if 0 < found.days_told < len(days):
        missing = several(len(days) - found.days_told, "day", "days")
        notes.append(f"Of {missing} of these {len(days)} there is no report: somebody may have used it then.")
    return Panel(
        [
            Column("login", "Person", Kind.TEXT),
            Column("account", "Seat of", Kind.TEXT),
            Column("plan", "Plan", Kind.TEXT),
            Column("verdict", "Verdict", Kind.TEXT),
            Column("granted", "Granted", Kind.DAY),
            Column("last_evidence", "Last evidence", Kind.DAY),
            Column("source", "Source", Kind.TEXT),
            Column("seat", "", Kind.TEXT),
        ],
        [_seat_row(link, to_seat, seat) for seat in found.seats],
        note=" ".join(notes),
        empty="No such seat." if found.days_told else "No report of use was taken in of these days.",
    )


def _seat_row(link: Links, to_seat: Callable[[int], Linked], seat: Any) -> Row:
    granted: date | None = seat.created_at.date() if seat.created_at else None
    cells: Sequence[Value | Linked] = [
        link(seat.user_id, seat.user.login),
        seat.account.label,
        seat.plan_type,
        capfirst(seat.get_verdict_display()),
        granted,
        seat.last_used_on,
        capfirst(seat.get_last_used_source_display()),
        to_seat(seat.pk),
    ]
    return cells


# --- In words ---------------------------------------------------------------------------------


@people.opens_with
def words(asked: Asked) -> list[str]:
    counted = people_by_active_days(asked.scope, asked.days())
    days = _which(len(asked.days()), days_told(asked.scope, asked.days()))
    return [sentence for sentence in (how_often(counted, days), most_of_all(counted)) if sentence]


def _which(days: int, told: int) -> str:
    """The days that a sentence speaks of: all of them, or those that reports tell of."""
    if told >= days:
        return f"these {days} days" if days > 1 else "this day"
    if told == 1:
        return f"the one of these {days} days that a report tells of"
    return f"the {told} of these {days} days that reports tell of"


def how_often(counted: ByActiveDays, days: str) -> str:
    """How many people used Copilot, and how many of them on one day only; nothing where nobody did.

    The second part is left out where nobody did on two days: there may be only one.
    """
    number = sum(counted.people.values())
    once = counted.people.get(1, 0)
    share = ratio(once, number)
    if share is None:
        return ""
    said = f"{several(number, 'person', 'people')} used Copilot on {days}"
    if counted.most < 2:
        return f"{said}."
    if not once:
        return f"{said}, everybody on more than one of them."
    return f"{said}, {once:,} of them ({percent(share)}) on a single one."


def most_of_all(counted: ByActiveDays) -> str:
    """Who was active on the most days: up to three by name, more by their number; nothing of a single day."""
    if counted.most < 2:
        return ""
    number = counted.people[counted.most]
    who = f"{number:,} people" if number > len(counted.leaders) else listed(counted.leaders)
    return f"{who} {'was' if number == 1 else 'were'} active on {counted.most} days, the most of all."
