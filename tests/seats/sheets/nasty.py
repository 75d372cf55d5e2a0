"""Companies whose every text is a trap: what hypothesis makes of the tables that people keep by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from seats.models import (
    Account,
    Assignment,
    CostCentre,
    Department,
    Exemption,
    GitHubUser,
    Holiday,
    InactivityPolicy,
    SeatPrice,
    SeatRequest,
    Team,
    TeamOwner,
    UnitPrice,
    WorkingCalendar,
)

TRAPS = [
    '=1+1', "'=1+1", "''=1+1", '=', "'", "''", '+49 30', '-1', '-', '@SUM(A1)', '\tx', '\rx', 'a\r\nb',
    'a\rb', '\n', '\n=x', ' leading', 'trailing ', '007', '1e5', '1.0', '0x1F', 'TRUE', 'yes', 'null',
    'None', '2026-01-01', '1/2', '\U0001f600\U0001f469\u200d\U0001f469\u200d\U0001f467', '_x000D_',
    '_x005F_x000D_', 'x_x0041_', '#N/A', '#REF!', '"', '","', '""', ';', 'a;b', 'a\tb', '\x01',
    '\x0b\x0c', '\x85', '\u2028', '\ufeffx', '\ufffe', '{}', '[1]', '<b>&amp;', '%s', '\\', '\\n',
    "x" * 95, '\ufb00', 'e\u0301', '\u202eabc', '\u22121', '\uff1d1',
]  # fmt: skip
LOGINS = ("ann", "bob", "Cy-Lee", "dee_acme", "e1")
MAILS = ("new@example.com", "o'neil+x@example.com", "=cmd@example.com")


def text(most: int = 95) -> st.SearchStrategy[str]:
    letters = st.characters(exclude_categories=("Cs",), exclude_characters="\x00")
    return st.one_of(st.sampled_from(TRAPS), st.text(letters, max_size=most)).map(lambda said: said[:most])


def some_text(most: int = 95) -> st.SearchStrategy[str]:
    """Text that says something: MariaDB takes blanks for nothing."""
    return text(most).filter(lambda said: bool(said.strip(" ")))


def name(most: int = 95) -> st.SearchStrategy[str]:
    return text(most).map(str.strip).filter(bool)


def names(least: int, most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(name(), min_size=least, max_size=most, unique_by=lambda said: said.lower())


people = st.one_of(st.just(""), st.sampled_from([*LOGINS, *MAILS, "nobody-yet"]))
days = st.dates(date(1901, 1, 1), date(2100, 1, 1))


@dataclass(frozen=True)
class World:
    """What the tables speak of."""

    accounts: list[Account]
    teams: list[Team]
    people: list[GitHubUser]


def world() -> World:
    enterprise = Account.objects.create(kind="enterprise", login="acme")
    organization = Account.objects.create(kind="organization", login="Acme", parent=enterprise)
    unmet = Account.objects.create(kind="organization", github_id=77)
    accounts = [enterprise, organization, unmet]
    teams = [
        Team.objects.create(account=account, github_id=number, slug=slug)
        for account, number, slug in (
            (enterprise, 1, "web"), (organization, 1, "web"), (organization, 2, "web"), (organization, 3, ""),
            (unmet, 4, "api"), (organization, 5, "Api"),
        )
    ]  # fmt: skip
    met = [GitHubUser.objects.create(github_id=n, login=login) for n, login in enumerate(LOGINS[:3], 1)]
    # A login that changed hands: two people are shown under it.
    met += [GitHubUser.objects.create(github_id=n, login="twin") for n in (8, 9)]
    return World(accounts, teams, met)


def fill(world: World, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
    """A few rows in every table."""
    calendars = [WorkingCalendar.objects.create(name=one) for one in draw(names(1, 2))]
    for day, called in draw(st.lists(st.tuples(days, text()), max_size=4, unique_by=lambda pair: pair[0])):
        Holiday.objects.create(calendar=calendars[0], day=day, name=called)
    for account in world.accounts:
        for plan in draw(names(0, 2)):
            SeatPrice.objects.create(
                account=draw(st.sampled_from([account, None])) if account.login == "acme" else account,
                plan_type=plan[:20].strip() or "x", starts_on=draw(days), currency=draw(name(3)) or "USD",
                monthly_price=draw(st.decimals(Decimal(0), Decimal("99999999.99"), places=2)),
            )  # fmt: skip
        UnitPrice.objects.create(
            account=account, unit=draw(st.sampled_from(UnitPrice.Unit.values)), starts_on=draw(days),
            currency=draw(name(3)) or "USD",
            price=draw(st.decimals(Decimal(0), Decimal("99999999.999999"), places=6)),
        )  # fmt: skip
    _policies(world, calendars, draw)
    _exemptions(world, draw)
    _company(world, draw)
    for person in world.people:
        person.contact_email = draw(st.sampled_from(["", *MAILS]))
        person.language = draw(st.sampled_from(["", "en", "pt-br"]))
        person.save()
    for number, login in enumerate(draw(st.lists(st.sampled_from(LOGINS), max_size=4, unique=True))):
        state = draw(st.sampled_from(SeatRequest.State.values))
        SeatRequest.objects.create(
            account=world.accounts[1], login=login, reason=draw(some_text()), asked_by=draw(text()),
            state=state, created_at=datetime(2026, 1, 1, 12, 0, number, 5, tzinfo=UTC),
        )  # fmt: skip


def _policies(world: World, calendars: list[WorkingCalendar], draw: Any) -> None:
    for scope in draw(st.lists(st.sampled_from([*world.accounts, *world.teams]), max_size=3, unique=True)):
        key = "team" if isinstance(scope, Team) else "account"
        starts_on = draw(days)
        InactivityPolicy.objects.create(
            **{key: scope}, starts_on=starts_on, ends_on=draw(st.sampled_from([None, starts_on])),
            idle_days=draw(st.integers(1, 3650)), mode=draw(st.sampled_from(InactivityPolicy.Mode.values)),
            sign_in_counts=draw(st.booleans()), working_calendar=draw(st.sampled_from([None, *calendars])),
        )  # fmt: skip


def _exemptions(world: World, draw: Any) -> None:
    pattern = name(60).filter(lambda said: said.strip("*"))
    targets = st.one_of(
        st.sampled_from(world.people).map(lambda one: {"user": one}),
        st.sampled_from(world.teams).map(lambda one: {"team": one}),
        pattern.map(lambda said: {"login_pattern": said}),
        st.integers(0, 3650).map(lambda number: {"newcomer_days": number}),
    )
    told: set[Any] = set()
    for target in draw(st.lists(targets, max_size=5)):
        starts_on = draw(days)
        row = {
            **target, "account": draw(st.sampled_from([None, *world.accounts])), "reason": draw(some_text()),
            "owner": draw(text()), "kind": draw(st.sampled_from(Exemption.Kind.values)),
            "until": draw(st.sampled_from([None, starts_on, starts_on + timedelta(days=9)])),
            "starts_on": starts_on,
        }  # fmt: skip
        if (key := str(row)) not in told:
            told.add(key)
            Exemption.objects.create(**row)


def _company(world: World, draw: Any) -> None:
    centres = [
        CostCentre.objects.create(code=code, name=draw(text()), owner=draw(text()))
        for code in draw(names(0, 3))
    ]
    departments: list[Department] = []
    for called in draw(names(0, 4)):
        parent = draw(st.sampled_from([None, *departments]))
        departments.append(Department.objects.create(name=called, parent=parent, manager=draw(people)))
    for account in world.accounts:
        account.owner, account.owner_contact = draw(name(50)), draw(st.sampled_from(["", MAILS[0]]))
        account.cost_centre = draw(st.sampled_from([None, *centres]))
        account.save()
    for team in draw(st.lists(st.sampled_from(world.teams), max_size=3, unique=True)):
        user = draw(st.sampled_from([None, *world.people]))
        TeamOwner.objects.create(
            team=team,
            user=user,
            person=user.login if user else draw(st.sampled_from(MAILS)),
            note=draw(text()),
        )
    for user in draw(st.lists(st.sampled_from([*world.people, "new@example.com", "later"]), unique=True)):
        starts = sorted(draw(st.lists(days, min_size=1, max_size=3, unique=True)))
        is_known = isinstance(user, GitHubUser)
        for start, follows in zip(starts, [*starts[1:], None], strict=True):
            ends_on = follows - timedelta(days=1) if follows else draw(st.sampled_from([None, start]))
            Assignment.objects.create(
                user=user if is_known else None, person=user.login if is_known else user, starts_on=start,
                ends_on=ends_on, department=draw(st.sampled_from([None, *departments])),
                cost_centre=draw(st.sampled_from([None, *centres])), manager=draw(people.filter(bool)),
            )  # fmt: skip
