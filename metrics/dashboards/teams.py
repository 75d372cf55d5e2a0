"""Teams: all of them in a table, how they add up, who adopts least and most, and up to six over time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from math import ceil

from django.db.models import Exists, OuterRef
from django.urls import reverse

from metrics.dashboards.asked import Asked, Bucket
from metrics.dashboards.page_of_list import page_of
from metrics.dashboards.panel import Column, Drawing, Form, Kind, Linked, Panel, Row, Value
from metrics.dashboards.registry import page
from metrics.dashboards.wording import listed, percent, percents, several
from metrics.figures import ratio
from metrics.figures.team_comparison import all_teams
from metrics.figures.team_history import TeamHistory, largest_teams
from metrics.figures.team_use import Parts, Teams, TeamUse
from metrics.models.team_day import NO_TEAM
from seats.models import Account, Team

SOURCE = "https://docs.github.com/copilot/reference/copilot-usage-metrics/team-level-metrics"
PAGE = 50
RANKED = 10
COMPARED = 6
ADOPTION = "The share of a team's members, as of the newest day with both reports, who were active in it."
Sorts = Callable[[TeamUse], int | Decimal | None]
ORDERS: Mapping[str, tuple[str, Sorts]] = {
    "members": ("members", lambda use: use.members),
    "active_users": ("active users", lambda use: use.active_users),
    "adoption": ("adoption", lambda use: use.adoption),
    "interactions": ("interactions", lambda use: use.sums.user_initiated_interaction_count),
    "acceptance_rate": ("acceptance rate", lambda use: use.acceptance_rate),
}
NO_TEAMS = "No report of teams was taken in of this period."

teams = page(
    "teams",
    "Teams",
    "groups",
    order=110,
    permission="metrics.view_teamday",
    without=frozenset({"team"}),
    params=frozenset({"teams", "order", "at"}),
)


# --- All of them ------------------------------------------------------------------------------


@teams.panel(
    "all",
    "All teams",
    definition="Membership counts day by day: who was active on a day counts in the teams they were in that "
    "day. Members are those of the newest day with reports of both use and teams; adoption is the share of "
    "them who were active in the team. Who was in no team on a day is unattributed that day.",
    source=SOURCE,
    wide=True,
)
def every_team(asked: Asked) -> Panel:
    told = all_teams(asked.scope.account, asked.days())
    columns = [
        Column("team", "Team", Kind.TEXT),
        Column("members", "Members"),
        Column("active_users", "Active users"),
        Column("active_members", "Active members"),
        Column("adoption", "Adoption", Kind.RATE),
        Column("interactions", "Interactions"),
        Column("interactions_per_active_user", "Per active user", Kind.DECIMAL),
        Column("acceptance_rate", "Acceptance rate", Kind.RATE),
        Column("lines_added", "Lines added"),
        Column("lines_deleted", "Lines deleted"),
        Column("agent_users", "Agent users"),
        Column("cli_users", "CLI users"),
    ]
    order, at = order_of(asked), _page_of(asked, told)
    shown = in_order(told.teams, order)[(at - 1) * PAGE : at * PAGE]
    uses = [*shown, *([told.unattributed] if told.unattributed else [])]
    rows: list[list[Value | Linked]] = [_row(use, asked) for use in uses]
    if asked.before is not None:
        columns.append(Column("adoption_before", "Adoption before", Kind.RATE))
        before = {use.team_key: use for use in all_teams(asked.scope.account, asked.days(asked.before)).teams}
        for row, use in zip(rows, uses, strict=True):
            row.append(before[use.team_key].adoption if use.team_key in before else None)
    notes = _notes(asked, told)
    if len(told.teams) > PAGE:
        first = (at - 1) * PAGE + 1
        notes.insert(0, f"Teams {first:,} to {first + len(shown) - 1:,} of {len(told.teams):,}.")
    links = _links(asked, len(told.teams), order, at) if told.teams else []
    return Panel(columns, rows if told.days_told else [], note=" ".join(notes), links=links)


def _page_of(asked: Asked, told: Teams) -> int:
    """The one in the address, or the last there is."""
    return min(page_of(asked), max(ceil(len(told.teams) / PAGE), 1))


def order_of(asked: Asked) -> str:
    """The order in the address, `-` before it for the largest first; "" is by name, as is what is none."""
    given = asked.params.get("order", "")
    return given if given.removeprefix("-") in ORDERS else ""


def in_order(uses: Sequence[TeamUse], order: str) -> list[TeamUse]:
    """Sorted; teams without the figure come last, both ways."""
    if not order:
        return list(uses)
    value = ORDERS[order.removeprefix("-")][1]
    known = [(figure, use) for use in uses if (figure := value(use)) is not None]
    known.sort(key=lambda each: each[0], reverse=order.startswith("-"))
    return [use for _, use in known] + [use for use in uses if value(use) is None]


def _links(asked: Asked, count: int, order: str, at: int) -> list[tuple[str, str]]:
    """The pages next to this one, then the orders; the current one turns around."""
    links = []
    if at > 1:
        links.append(("Previous page", f"{_here()}?{asked.query(at=str(at - 1) if at > 2 else None)}"))
    if at * PAGE < count:
        links.append(("Next page", f"{_here()}?{asked.query(at=str(at + 1))}"))
    links.append((f"By name{'' if order else ' ↑'}", f"{_here()}?{asked.query(order=None, at=None)}"))
    for each, (words, _) in ORDERS.items():
        is_current = order.removeprefix("-") == each
        arrow = f" {'↓' if order.startswith('-') else '↑'}" if is_current else ""
        turned = each if order == f"-{each}" else f"-{each}"
        links.append((f"By {words}{arrow}", f"{_here()}?{asked.query(order=turned, at=None)}"))
    return links


def _row(use: TeamUse, asked: Asked) -> list[Value | Linked]:
    return [
        NO_TEAM if use.is_unattributed else _linked(use, asked),
        use.members,
        use.active_users,
        use.active_members,
        use.adoption,
        use.sums.user_initiated_interaction_count,
        use.interactions_per_active_user,
        use.acceptance_rate,
        use.sums.loc_added_sum,
        use.sums.loc_deleted_sum,
        use.agent_users,
        use.cli_users,
    ]


def _linked(use: TeamUse, asked: Asked) -> Linked:
    """The team's own view of the other pages."""
    overview = reverse("metrics:usage", args=["overview"])
    query = asked.query(
        scope=str(asked.scope.account.pk), team=str(use.team_key), teams=None, order=None, at=None
    )
    return Linked(_name(use), f"{overview}?{query}")


def _name(use: TeamUse) -> str:
    return use.slug or f"team {use.team_id}"


def _notes(asked: Asked, told: Teams) -> list[str]:
    """What somebody must know who reads the table: days that are missing, and whose members these are."""
    notes = []
    days = len(asked.days())
    if 0 < told.days_told < days:
        notes.append(
            f"Of {several(days - told.days_told, 'day', 'days')} of these {days} there is no report of use; "
            "they count nowhere."
        )
    if told.days_told > told.days_with_teams:
        missing = told.days_told - told.days_with_teams
        days_without = several(missing, "day", "days")
        notes.append(f"Of {days_without} there is no report of teams: everybody is unattributed then.")
    if told.members_on is not None:
        notes.append(f"Members as of {told.members_on}.")
    if told.people.overlap:
        notes.append("People in several teams count in each; “How teams add up” says how many.")
    return notes


@teams.panel(
    "sum",
    "How teams add up",
    definition="All teams added up, less what is counted in several of them, is what teams did; with the "
    "unattributed rest it is everybody. A person is in a team who was in one on any day of activity; "
    "person-days and interactions are attributed day by day.",
    source=SOURCE,
)
def sum_of_teams(asked: Asked) -> Panel:
    told = all_teams(asked.scope.account, asked.days())
    parts = (told.people, told.user_days, told.interactions)
    columns = [
        Column("part", "", Kind.TEXT),
        Column("people", "People"),
        Column("user_days", "Person-days"),
        Column("interactions", "Interactions"),
    ]
    lines: tuple[tuple[str, Callable[[Parts], int | None]], ...] = (
        ("All teams added up", lambda part: part.in_teams),
        ("Counted in several teams", lambda part: part.overlap),
        ("In teams, each once", lambda part: part.attributed),
        (NO_TEAM, lambda part: part.unattributed),
        ("Everybody", lambda part: part.everybody),
    )
    rows = [[name, *(value(part) for part in parts)] for name, value in lines]
    return Panel(columns, rows if told.days_told else [])


# --- Ranked -----------------------------------------------------------------------------------


@teams.panel(
    "lowest-adoption",
    "Lowest adoption",
    definition=ADOPTION,
    source=SOURCE,
)
def lowest_adoption(asked: Asked) -> Panel:
    return _ranking(asked, highest=False)


@teams.panel(
    "highest-adoption",
    "Highest adoption",
    definition=ADOPTION,
    source=SOURCE,
)
def highest_adoption(asked: Asked) -> Panel:
    return _ranking(asked, highest=True)


def _ranking(asked: Asked, *, highest: bool) -> Panel:
    told = all_teams(asked.scope.account, asked.days())
    ranked = by_adoption(told.teams)
    chosen = list(reversed(ranked))[:RANKED] if highest else ranked[:RANKED]
    return Panel(
        [
            Column("team", "Team", Kind.TEXT),
            Column("adoption", "Adoption", Kind.RATE),
            Column("active_members", "Active members"),
            Column("members", "Members"),
        ],
        [[_linked(use, asked), use.adoption, use.active_members, use.members] for use in chosen],
        Drawing(Form.RANKED, ["adoption"]),
        note=f"{len(chosen)} of {len(ranked)} teams." if len(chosen) < len(ranked) else "",
        empty=NO_TEAMS,
    )


def by_adoption(uses: Collection[TeamUse]) -> list[TeamUse]:
    """Teams whose adoption is known, lowest first; of equal ones the larger team first."""
    known = [(use.adoption, -(use.members or 0), use.slug, use.team_key, use) for use in uses]
    return [use for *_, use in sorted(each for each in known if each[0] is not None)]


# --- Side by side -----------------------------------------------------------------------------


@teams.panel(
    "choose",
    "Teams to compare",
    definition="Up to six teams are compared; without a choice the six with the most members.",
    source=SOURCE,
)
def choose(asked: Asked) -> Panel:
    """Every team of the table's page leads to the same page with it added, or left out again."""
    account = asked.scope.account
    told = all_teams(account, asked.days())
    chosen = _chosen(asked)
    rows: list[Row] = []
    at = _page_of(asked, told)
    shown = in_order(told.teams, order_of(asked))
    for use in shown[(at - 1) * PAGE : at * PAGE]:
        is_chosen = use.team_key in chosen
        others = [key for key in chosen if key != use.team_key]
        is_full = not is_chosen and len(chosen) >= COMPARED
        after = others if is_chosen else [*chosen, use.team_key]
        keys = ",".join(map(str, after)) or None
        url = "" if is_full else f"{_here()}?{asked.query(teams=keys)}"
        word = "take out" if is_chosen else "full" if is_full else "compare"
        rows.append([_name(use), use.members, "yes" if is_chosen else "no", Linked(word, url)])
    columns = [
        Column("team", "Team", Kind.TEXT),
        Column("members", "Members"),
        Column("compared", "Compared", Kind.TEXT),
        Column("choice", "Choice", Kind.TEXT),
    ]
    links = [("Compare the largest teams", f"{_here()}?{asked.query(teams=None)}")] if chosen else []
    return Panel(columns, rows, note=_choice_note(chosen), empty=NO_TEAMS, links=links)


def _here() -> str:
    return reverse("metrics:usage", args=[teams.slug])


def _choice_note(chosen: Collection[int]) -> str:
    if not chosen:
        return f"None is chosen: the {COMPARED} with the most members are compared."
    if len(chosen) >= COMPARED:
        return f"{COMPARED} teams are compared: take one out to choose another."
    return ""


def _chosen(asked: Asked) -> list[int]:
    """The keys in the address: the first six numbers, each once."""
    words = asked.params.get("teams", "").split(",")
    numbers = [int(word) for word in map(str.strip, words) if word.isascii() and word.isdecimal()]
    return list(dict.fromkeys(number for number in numbers if number < 2**63))[:COMPARED]


def compared_teams(asked: Asked) -> list[Team]:
    """The chosen teams of the account, in the order of the address; without a choice the largest."""
    account = asked.scope.account
    if chosen := _chosen(asked):
        found = Team.objects.filter(account=account).in_bulk(chosen)
        if found:
            return [found[key] for key in chosen if key in found]
    return largest_teams(account, asked.days(), COMPARED)


Figure = Callable[[TeamHistory, int, Sequence[date]], int | Decimal | None]


def _compared(asked: Asked, kind: Kind, figure: Figure) -> Panel:
    account: Account = asked.scope.account
    some = compared_teams(asked)
    if not some:
        return Panel(empty=NO_TEAMS)
    several = [bucket.days for bucket in asked.buckets()]
    history = TeamHistory(account, [team.pk for team in some], asked.period, several)
    # Slugs are names: two teams that came one after the other may have had the same.
    slugs = [team.slug for team in some]
    columns = [
        Column(
            team.slug if team.slug and slugs.count(team.slug) == 1 else f"{team.slug}-{team.github_id}",
            str(team),
            kind,
        )
        for team in some
    ]

    def values(bucket: Bucket) -> Row:
        return [figure(history, team.pk, bucket.days) for team in some]

    return asked.over_time(
        columns,
        values,
        Drawing(Form.LINES, [column.name for column in columns]),
        note="A gap: a day without a report, or without the team in the report of teams.",
    )


@teams.panel(
    "active-users",
    "Active users of teams",
    definition="Distinct people who were active on a day on which they were in the team.",
    source=SOURCE,
    wide=True,
)
def active_users(asked: Asked) -> Panel:
    return _compared(asked, Kind.COUNT, TeamHistory.active_users)


@teams.panel(
    "adoption",
    "Adoption of teams",
    definition="The share of the team's members on the day (of a week or month: on its last day) who were "
    "active in the team.",
    source=SOURCE,
    wide=True,
)
def adoption_over_time(asked: Asked) -> Panel:
    return _compared(asked, Kind.RATE, TeamHistory.adoption)


@teams.panel(
    "interactions",
    "Interactions per active user",
    definition="Interactions that people began themselves, divided by the distinct people active in it.",
    source=SOURCE,
)
def interactions(asked: Asked) -> Panel:
    return _compared(asked, Kind.DECIMAL, TeamHistory.interactions_per_active_user)


@teams.panel(
    "acceptance",
    "Acceptance rate of teams",
    definition="Acceptances divided by generations, both summed first; nothing where nothing was generated.",
    source=SOURCE,
)
def acceptance(asked: Asked) -> Panel:
    return _compared(asked, Kind.RATE, TeamHistory.acceptance_rate)


# --- In words ---------------------------------------------------------------------------------


@teams.opens_with
def words(asked: Asked) -> list[str]:
    told = all_teams(asked.scope.account, asked.days())
    elsewhere = teams_of_organizations(asked.scope.account)
    sentences = [ends_of_adoption(told), outside_of_teams(told), in_several_teams(told), elsewhere]
    return [sentence for sentence in sentences if sentence]


def ends_of_adoption(told: Teams) -> str:
    """Which team adopts least, and which most. Nothing of fewer than two teams, or where all are alike."""
    ranked = by_adoption(told.teams)
    rates = [use.adoption for use in ranked if use.adoption is not None]
    if not rates or rates[0] == rates[-1]:
        return ""
    lowest, highest = percents(rates[0], rates[-1])
    low = [use for use in ranked if use.adoption == rates[0]]
    high = [use for use in ranked if use.adoption == rates[-1]]
    return f"{_who(low, lowest, 'lowest')}; {_who(high, highest, 'highest', 'team')}."


def _who(some: Sequence[TeamUse], rate: str, end: str, word: str = "Team") -> str:
    """One by its name and numbers, up to three by name, more by their number."""
    if len(some) == 1:
        [use] = some
        of = f"{use.active_members:,} of {several(use.members or 0, 'member', 'members')}"
        return f"{word} {_name(use)} has the {end} adoption, {rate} ({of})"
    if len(some) <= 3:
        return f"{word}s {listed([_name(use) for use in some])} have the {end} adoption, {rate}"
    return f"{len(some)} {word.lower()}s have the {end} adoption, {rate}"


def outside_of_teams(told: Teams) -> str:
    """How many active people were in no team. Where teams were told on no day, that nobody can be placed."""
    people = told.people
    if not told.days_told or not people.everybody:
        return ""
    if not told.days_with_teams:
        return "No report of teams was taken in of these days: whose team anybody is in is not known."
    share = ratio(people.unattributed, people.everybody)
    if not people.unattributed or share is None:
        return f"Everybody active ({several(people.everybody, 'person', 'people')}) was in a team."
    return (
        f"{people.unattributed:,} of {several(people.everybody, 'active person', 'active people')} "
        f"({percent(share)}) {'was' if people.unattributed == 1 else 'were'} in no team on the days of their "
        "activity."
    )


def in_several_teams(told: Teams) -> str:
    """That teams do not add up, where they do not."""
    overlap = told.people.overlap
    if not overlap:
        return ""
    return (
        f"Teams added up count {told.people.in_teams:,} people, {overlap:,} more than there are in them: "
        "people in several teams, or who changed teams, count in each."
    )


def teams_of_organizations(account: Account) -> str:
    """Where the teams of an enterprise's organizations are: its own report of teams names only its own."""
    having_teams = Team.objects.filter(account=OuterRef("pk"))
    if not account.organizations.filter(Exists(having_teams)).exists():
        return ""
    return (
        f"These are the teams of {account.label} itself; choose one of its organizations as the scope to see "
        "those of it."
    )
