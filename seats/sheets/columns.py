"""Which column of somebody's sheet is which of ours: as they said last time, else guessed from its name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from seats.models import SheetMapping
from seats.sheets.base import KeptByHandResource
from seats.sheets.formats import Sheet

# Names that other systems give to what we call so; in small letters, words apart by a line.
ALSO_CALLED: Mapping[str, tuple[str, ...]] = {
    "account": ("organization", "organisation", "org", "enterprise"),
    "asked_by": ("requested_by", "requester"),
    "code": ("cost_centre", "cost_center", "costcenter", "kostenstelle", "number"),
    "contact_email": ("email", "e_mail", "mail", "address"),
    "cost_centre": ("cost_center", "costcenter", "costcentre", "kostenstelle"),
    "department": ("dept", "abteilung", "unit", "org_unit", "division"),
    "ends_on": ("to", "until", "end", "end_date", "valid_to", "valid_until", "last_day", "bis"),
    "language": ("lang", "locale", "sprache"),
    "login": ("github_login", "github_user", "user_login", "username", "user", "github", "handle"),
    "manager": ("boss", "supervisor", "line_manager", "reports_to", "vorgesetzter"),
    "monthly_price": ("price", "cost", "amount", "preis"),
    "name": ("title", "department", "cost_centre_name", "bezeichnung"),
    "organization": ("org", "organisation", "account"),
    "owner": ("responsible", "contact", "person", "login", "email"),
    "owner_contact": ("owner_email", "contact_email", "email", "mail"),
    "part_of": ("parent", "parent_department", "above"),
    "person": (
        "login", "github_login", "github_user", "username", "user", "email", "e_mail", "mail", "employee",
    ),
    "plan_type": ("plan", "sku"),
    "reason": ("why", "justification", "comment", "note", "grund"),
    "starts_on": ("from", "start", "start_date", "since", "valid_from", "first_day", "von"),
    "team": ("team_slug", "slug"),
    "until": ("ends_on", "to", "end", "end_date", "valid_to", "valid_until", "bis"),
}  # fmt: skip


MOST_REMEMBERED = 500


def guess(resource: KeptByHandResource, headers: Sequence[str], remembered: Mapping[str, str]) -> list[str]:
    """For each header the column of ours; empty for what would not be read."""
    ours = resource.headers()
    guessed = [""] * len(headers)
    left = set(ours)

    def take(number: int, name: str) -> None:
        if not guessed[number] and name in left:
            guessed[number] = name
            left.discard(name)

    # Our own name is that column, whatever was said of it once: is_certain asks where the two differ.
    for number, header in enumerate(headers):
        take(number, header)
    for number, header in enumerate(headers):
        take(number, remembered.get(header, ""))
    for number, header in enumerate(headers):
        if header not in remembered:
            take(number, _plain(header))
    for number, header in enumerate(headers):
        for name in () if header in remembered else ours:
            if _plain(header) in ALSO_CALLED.get(name, ()):
                take(number, name)
    return guessed


def is_certain(
    resource: KeptByHandResource,
    headers: Sequence[str],
    remembered: Mapping[str, str],
    guessed: Sequence[str],
) -> bool:
    """Whether nobody need be asked: each header is ours, or is read as it was explained before."""
    told = all(remembered.get(header, header) == name for header, name in zip(headers, guessed, strict=True))
    return told and not resource.missing(guessed)


def not_read(resource: KeptByHandResource, headers: Sequence[str], chosen: Sequence[str]) -> list[str]:
    """What the columns of a sheet are called from which nothing is taken in."""
    return [
        header or f"column {number}, which has no header"
        for number, (header, name) in enumerate(zip(headers, chosen, strict=True), 1)
        if not name or name in resource.told_only
    ]


def wrong(resource: KeptByHandResource, chosen: Sequence[str]) -> list[str]:
    """What is wrong with a choice of columns, in sentences."""
    twice = sorted({name for name in chosen if name and list(chosen).count(name) > 1})
    says = [f"Two columns are to be {name}. Choose one of them." for name in twice]
    return [*says, *(f"No column is {name} yet. It cannot be left out." for name in resource.missing(chosen))]


def mapped(sheet: Sheet, chosen: Sequence[str]) -> Sheet:
    """The sheet with our names for its columns, without those that are not read."""
    kept = [number for number, name in enumerate(chosen) if name]
    rows = [[row[number] for number in kept] for row in sheet.rows]
    return Sheet([chosen[number] for number in kept], rows, sheet.numbers)


def remembered(user: Any, table: str) -> dict[str, str]:
    """What this user said of their headers last time."""
    kept = SheetMapping.objects.filter(user=user, table=table).first()
    return dict(kept.columns) if kept else {}


def remember(user: Any, table: str, headers: Sequence[str], chosen: Sequence[str]) -> None:
    before = {header: name for header, name in remembered(user, table).items() if header not in set(headers)}
    # Of two columns of one name nothing can be said the next time, when there may be one.
    now = [pair for pair in zip(headers, chosen, strict=True) if list(headers).count(pair[0]) == 1]
    told = dict([*before.items(), *now][-MOST_REMEMBERED:])
    SheetMapping.objects.update_or_create(user=user, table=table, defaults={"columns": told})


def _plain(header: str) -> str:
    return re.sub(r"[^0-9a-zäöüß]+", "_", header.lower()).strip("_")
