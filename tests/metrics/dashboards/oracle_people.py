"""Teams, people, one person, and whoever looks at their own use."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from tests.metrics.dashboards.oracle import (
    ADDED,
    ASKED,
    COUNTERS,
    DELETED,
    FLAGS,
    MADE,
    TAKEN,
    Expected,
    Named,
    Question,
    Sums,
    Truth,
    added,
    entries,
    expects,
    over_time,
    plus,
    share,
)
from tests.metrics.oracle import Account, Row

UNATTRIBUTED = "(unattributed)"
COMPARED, RANKED, PAGE = 6, 10, 50


def lines_or_nothing(lines: Iterable[Row]) -> Sums:
    """Added up; no line at all is a known nothing."""
    some = list(lines)
    return plus(some) if some else dict.fromkeys(COUNTERS, 0)


# Teams -------------------------------------------------------------------------------------------


class Teams:
    """All teams of an account over the days that are told person by person."""

    def __init__(self, truth: Truth, asked: Question) -> None:
        self.truth, self.whole = truth, replace(asked, team=None)
        self.days = truth.covered(self.whole)
        self.rosters = truth.oracle.teams.get(asked.account, {})
        self.keys = truth.teams(self.whole, self.days)
        with_teams = [day for day in self.days if day in self.rosters]
        self.members_on = with_teams[-1] if with_teams else None

    def of(self, team: int) -> Question:
        return replace(self.whole, team=team)

    def lines(self, team: int | None) -> list[tuple[date, int, Row]]:
        """Of a team, or of the people in none that day."""
        if team is not None:
            return list(self.truth.all_lines(self.of(team), self.days))
        return [
            (day, user_id, line)
            for day in self.days
            for user_id, line in self.truth.unattributed(self.whole, day).items()
        ]

    def row(self, team: int | None) -> dict[str, Any]:
        lines = self.lines(team)
        users = {user_id for _, user_id, _ in lines}
        sums = lines_or_nothing(line for _, _, line in lines)
        members = self.members(team)
        active = None if members is None else len(members & users)
        return {
            "team": UNATTRIBUTED if team is None else self.truth.slug(self.whole.account, team),
            "members": None if members is None else len(members),
            "active_users": len(users),
            "active_members": active,
            "adoption": share(active, None if members is None else len(members)),
            "interactions": sums[ASKED],
            "interactions_per_active_user": share(sums[ASKED], len(users)),
            "acceptance_rate": share(sums[TAKEN], sums[MADE]),
            "lines_added": sums[ADDED],
            "lines_deleted": sums[DELETED],
            "agent_users": len({user_id for _, user_id, line in lines if line.get("used_agent")}),
            "cli_users": len({user_id for _, user_id, line in lines if line.get("used_cli")}),
        }

    def members(self, team: int | None) -> set[int] | None:
        if team is None or self.members_on is None:
            return None
        return self.rosters[self.members_on].get(team)

    def rows(self) -> list[dict[str, Any]]:
        return sorted((self.row(team) for team in self.keys), key=lambda row: str(row["team"]))


@expects("teams", "all")
def every_team(truth: Truth, asked: Question) -> Expected:
    teams = Teams(truth, asked)
    if not teams.days:
        return Expected([])
    rows = [*teams.rows(), teams.row(None)]
    if asked.before:
        before = {row["team"]: row["adoption"] for row in Teams(truth, asked.earlier()).rows()}
        rows = [{**row, "adoption_before": before.get(row["team"])} for row in rows]
    return Expected(rows)


@expects("teams", "sum")
def how_teams_add_up(truth: Truth, asked: Question) -> Expected:
    teams = Teams(truth, asked)
    if not teams.days:
        return Expected([])
    own = {team: teams.lines(team) for team in teams.keys}
    nobody = teams.lines(None)
    everybody = list(truth.all_lines(teams.whole, teams.days))
    in_a_team = {(day, user_id): line for lines in own.values() for day, user_id, line in lines}
    attributed = {user_id for _, user_id in in_a_team}
    all_users = {user_id for _, user_id, _ in everybody}
    per_team = [{user_id for _, user_id, _ in lines} for lines in own.values()]

    def interactions(lines: Iterable[Row]) -> int | None:
        return lines_or_nothing(lines)[ASKED]

    summed = [
        sum(map(len, per_team)),
        sum(map(len, own.values())),
        added(interactions(line for _, _, line in lines) for lines in own.values()),
    ]
    apart = [len(attributed), len(in_a_team), interactions(in_a_team.values())]
    rest = [len(all_users - attributed), len(nobody), interactions(line for _, _, line in nobody)]
    whole = [len(all_users), len(everybody), interactions(line for _, _, line in everybody)]
    twice = [
        None if one is None or other is None else one - other
        for one, other in zip(summed, apart, strict=True)
    ]
    parts = (
        ("All teams added up", summed),
        ("Counted in several teams", twice),
        ("In teams, each once", apart),
        (UNATTRIBUTED, rest),
        ("Everybody", whole),
    )
    return Expected(
        [
            {"part": name, "people": part[0], "user_days": part[1], "interactions": part[2]}
            for name, part in parts
        ]
    )


def ranking(truth: Truth, asked: Question, *, highest: bool) -> Expected:
    known = [row for row in Teams(truth, asked).rows() if row["adoption"] is not None]
    ranked = sorted(known, key=lambda row: (row["adoption"], -row["members"], row["team"]))
    chosen = (ranked[::-1] if highest else ranked)[:RANKED]
    names = ("team", "adoption", "active_members", "members")
    return Expected([{name: row[name] for name in names} for row in chosen])


@expects("teams", "lowest-adoption")
def lowest_adoption(truth: Truth, asked: Question) -> Expected:
    return ranking(truth, asked, highest=False)


@expects("teams", "highest-adoption")
def highest_adoption(truth: Truth, asked: Question) -> Expected:
    return ranking(truth, asked, highest=True)


@expects("teams", "choose")
def choose(truth: Truth, asked: Question) -> Expected:
    return Expected([{"team": row["team"], "members": row["members"]} for row in Teams(truth, asked).rows()])


def compared(truth: Truth, asked: Question) -> list[int]:
    """The teams with the most members on the newest of the days that tells of teams."""
    rosters = truth.oracle.teams.get(asked.account, {})
    told = [day for day in asked.days if day in rosters]
    if not told:
        return []
    teams = rosters[told[-1]]
    slugs = {team: truth.slug(asked.account, team) for team in teams}
    return sorted(teams, key=lambda team: (-len(teams[team]), slugs[team]))[:COMPARED]


def over_teams(truth: Truth, asked: Question, figure: Callable[[Question, list[date]], Any]) -> Expected:
    teams = compared(truth, asked)
    if not teams:
        return Expected([])

    def values(days: list[date]) -> Mapping[str, Any]:
        return {
            truth.slug(asked.account, team): figure(replace(asked, team=team), days)
            if all(truth.is_covered(replace(asked, team=team), day) for day in days)
            else None
            for team in teams
        }

    return over_time(asked, values)


@expects("teams", "active-users")
def active_users(truth: Truth, asked: Question) -> Expected:
    return over_teams(truth, asked, lambda team, days: truth.distinct(team, days=days))


@expects("teams", "adoption")
def adoption(truth: Truth, asked: Question) -> Expected:
    def figure(team: Question, days: list[date]) -> Any:
        assert team.team is not None
        members = truth.members(team.account, team.team, days[-1])
        return share(len(truth.union(team, days) & members), len(members))

    return over_teams(truth, asked, figure)


@expects("teams", "interactions")
def interactions_of_teams(truth: Truth, asked: Question) -> Expected:
    return over_teams(
        truth,
        asked,
        lambda team, days: share(truth.total(team, days)[ASKED], truth.distinct(team, days=days)),
    )


@expects("teams", "acceptance")
def acceptance_of_teams(truth: Truth, asked: Question) -> Expected:
    def figure(team: Question, days: list[date]) -> Any:
        sums = truth.total(team, days)
        return share(sums[TAKEN], sums[MADE])

    return over_teams(truth, asked, figure)


# People ------------------------------------------------------------------------------------------


def money(values: Iterable[Any]) -> Decimal | None:
    known = [Decimal(str(value)) for value in values if value is not None]
    return sum(known, Decimal(0)) if known else None


def use_of(lines: list[tuple[date, Row]]) -> dict[str, Any]:
    sums = plus(line for _, line in lines)
    return {
        "active_days": len(lines),
        "last_day": max(day for day, _ in lines),
        "interactions": sums[ASKED],
        "generations": sums[MADE],
        "acceptances": sums[TAKEN],
        "acceptance_rate": share(sums[TAKEN], sums[MADE]),
        "lines_added": sums[ADDED],
        "lines_deleted": sums[DELETED],
        **{
            f"{kind}_days": sum(line.get(f"used_{kind}") is True for _, line in lines)
            for kind in ("chat", "agent", "cli")
        },
        "ai_credits_used": money(line.get("ai_credits_used") for _, line in lines),
    }


def people(truth: Truth, asked: Question) -> list[dict[str, Any]]:
    lines: dict[int, list[tuple[date, Row]]] = defaultdict(list)
    for day, user_id, line in truth.all_lines(asked, truth.covered(asked)):
        lines[user_id].append((day, line))
    return [{"login": truth.oracle.login(user_id), **use_of(own)} for user_id, own in lines.items()]


@expects("people", "everybody")
def everybody(truth: Truth, asked: Question) -> Expected:
    return Expected(people(truth, asked), ranked_by="interactions", most=PAGE)


def short(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = ("login", "interactions", "active_days", "last_day")
    return [{name: row[name] for name in names} for row in rows]


@expects("people", "most-active")
def most_active(truth: Truth, asked: Question) -> Expected:
    return Expected(short(people(truth, asked)), ranked_by="interactions", most=RANKED)


@expects("people", "least-active")
def least_active(truth: Truth, asked: Question) -> Expected:
    return Expected(short(people(truth, asked)), ranked_by="active_days", most=RANKED, descending=False)


@expects("people", "by-active-days")
def by_active_days(truth: Truth, asked: Question) -> Expected:
    counted = Counter(row["active_days"] for row in people(truth, asked))
    return Expected(
        [
            {"active_days": str(days), "people": counted[days]}
            for days in range(1, max(counted, default=0) + 1)
        ]
    )


# One person --------------------------------------------------------------------------------------

WAYS = {
    "chat": "Chat",
    "agent": "Agent",
    "cli": "CLI",
    "cloud_agent": "Cloud agent",
    "app": "Copilot app",
    "vscode_agent": "Agent of VS Code",
    "code_review_active": "Code review asked for",
    "code_review_passive": "Code review unasked",
}


class History:
    """The covered days of those asked for, each with the person's line or None."""

    def __init__(self, truth: Truth, asked: Question) -> None:
        whole = replace(asked, team=None)
        self.days: dict[date, Row | None] = {
            day: truth.lines(whole, day).get(int(asked.params["person"])) for day in truth.covered(whole)
        }

    def told(self, days: Iterable[date]) -> list[Row] | None:
        wanted = list(days)
        if any(day not in self.days for day in wanted):
            return None
        return [line for day in wanted if (line := self.days[day]) is not None]

    @property
    def lines(self) -> list[Row]:
        return [line for line in self.days.values() if line is not None]

    def sums(self, days: Iterable[date]) -> Sums:
        lines = self.told(days)
        return dict.fromkeys(COUNTERS) if lines is None else lines_or_nothing(lines)


def own(truth: Truth, asked: Question) -> Question:
    """The account of whoever looks at their own use: with most days in the period, the enterprise first."""
    user_id = int(asked.params["person"])

    def rank(account: Account) -> tuple[int, date, bool]:
        days = [day for day, lines in truth.oracle.people[account].items() if user_id in lines]
        in_period = sum(asked.first <= day <= asked.last for day in days)
        return in_period, max(days, default=date.min), account.kind == "enterprise"

    return replace(asked, account=max(truth.oracle.people, key=rank), team=None)


def about(key: str) -> Callable[[Callable[[Truth, Question, History], Expected]], Any]:
    """Register a panel for both pages."""

    def register(function: Callable[[Truth, Question, History], Expected]) -> Any:
        expects("person", key)(lambda truth, asked: function(truth, asked, History(truth, asked)))
        expects("mine", key)(
            lambda truth, asked: function(truth, own(truth, asked), History(truth, own(truth, asked)))
        )
        return function

    return register


@about("in-numbers")
def in_numbers(truth: Truth, asked: Question, history: History) -> Expected:
    if not history.days:
        return Expected(headlines={})

    def numbers(of: History) -> dict[str, Any]:
        sums = of.sums(of.days)
        return {
            "Active days": len(of.lines),
            "Interactions": sums[ASKED],
            "Generations": sums[MADE],
            "Acceptances": sums[TAKEN],
            "Acceptance rate": share(sums[TAKEN], sums[MADE]),
            "Lines added": sums[ADDED],
            "Lines deleted": sums[DELETED],
            "AI credits": money(line.get("ai_credits_used") for line in of.lines),
        }

    now = numbers(history)
    then: dict[str, Any] = dict.fromkeys(now)
    if asked.before:
        before = History(truth, asked.earlier())
        days = asked.earlier().days
        if days and len(before.days) == len(days):
            then = numbers(before)
    return Expected(headlines={name: (now[name], then[name]) for name in now})


@about("by-day")
def by_day(truth: Truth, asked: Question, history: History) -> Expected:
    def values(days: list[date]) -> Mapping[str, Any]:
        sums, lines = history.sums(days), history.told(days)
        return {
            "interactions": sums[ASKED],
            "generations": sums[MADE],
            "acceptances": sums[TAKEN],
            "acceptance_rate": share(sums[TAKEN], sums[MADE]),
            "lines_added": sums[ADDED],
            "lines_deleted": sums[DELETED],
            "active_days": None if lines is None else len(lines),
        }

    return over_time(asked, values)


@about("ways")
def ways(truth: Truth, asked: Question, history: History) -> Expected:
    rows = []
    for kind, words in WAYS.items():
        said = [
            [line.get(name) for name in FLAGS[kind] if line.get(name) is not None] for line in history.lines
        ]
        if any(said):
            rows.append({"what": words, "days": sum(any(flags) for flags in said)})
    return Expected(sorted(rows, key=lambda row: -row["days"]))


def by_name(dimension: str, name: str, place: int) -> Callable[[Truth, Question, History], Expected]:
    def function(truth: Truth, asked: Question, history: History) -> Expected:
        found: dict[str, list[Sums]] = defaultdict(list)
        for line in history.lines:
            for key, sums in entries([line], dimension).items():
                found[key[place]].append(sums)
        totals = {key: plus(several) for key, several in found.items()}
        rows = []
        for key, sums in sorted(
            totals.items(), key=lambda item: (-(item[1][ASKED] or 0) - (item[1][MADE] or 0), item[0])
        ):
            row = {
                name: Named(name, key),
                "interactions": sums[ASKED],
                "generations": sums[MADE],
                "acceptances": sums[TAKEN],
                "acceptance_rate": share(sums[TAKEN], sums[MADE]),
                "lines_added": sums[ADDED],
                "lines_deleted": sums[DELETED],
            }
            if name == "language":
                del row["interactions"]
            rows.append(row)
        return Expected(rows)

    return function


about("features")(by_name("feature", "feature", 0))
about("languages")(by_name("language_feature", "language", 0))
about("models")(by_name("model_feature", "model", 0))
about("editors")(by_name("ide", "ide", 0))


@about("phase")
def phase(truth: Truth, asked: Question, history: History) -> Expected:
    def values(days: list[date]) -> Mapping[str, Any]:
        told = [
            (line.get("ai_adoption_phase") or {}).get("phase_number") for line in history.told(days) or []
        ]
        known = [number for number in told if number is not None]
        return {"phase": known[-1] if known else None}

    return over_time(asked, values)


@about("credits")
def spent(truth: Truth, asked: Question, history: History) -> Expected:
    def values(days: list[date]) -> Mapping[str, Any]:
        return {"ai_credits_used": money(line.get("ai_credits_used") for line in history.told(days) or [])}

    return over_time(asked, values)


@about("accounts")
def accounts(truth: Truth, asked: Question, history: History) -> Expected:
    """Every account's own lines of the person; enterprises first."""
    user_id = int(asked.params["person"])
    rows = []
    for account in sorted(truth.oracle.people, key=lambda each: (each.kind, truth.oracle.labels[each])):
        days = truth.oracle.people[account]
        lines = [(day, days[day][user_id]) for day in asked.days if user_id in days.get(day, {})]
        if lines:
            use = use_of(lines)
            names = ("active_days", "last_day", "interactions", "generations", "acceptances",
                     "acceptance_rate", "lines_added", "lines_deleted", "ai_credits_used")  # fmt: skip
            rows.append({"account": truth.oracle.labels[account], **{name: use[name] for name in names}})
    return Expected(rows)
