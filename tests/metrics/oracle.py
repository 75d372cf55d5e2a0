"""An independent reckoning over the raw files, in plain Python: what the portal's reports must say.

Nothing here imports the portal. It reads the files again, its own way, and answers each report's question
straight from the records: whole passes and dictionaries, no tables, no bitmaps, no increments.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

COUNTERS = (
    "user_initiated_interaction_count",
    "code_generation_activity_count",
    "code_acceptance_activity_count",
    "loc_suggested_to_add_sum",
    "loc_suggested_to_delete_sum",
    "loc_added_sum",
    "loc_deleted_sum",
)
PLANS = ("unknown", "business", "enterprise")
SOURCES = ("seat", "usage_report", "ai_credits", "sign_in", "activity_report")
# Of a record: which report and file it came in. Two exports of the same day differ in nothing else.
HOUSEKEEPING = ("report_start_day", "report_end_day", "etl_id", "day_partition", "entity_id_partition")

Row = dict[str, Any]


class Given(Protocol):
    """A file, and what was said when it was taken in."""

    @property
    def path(self) -> Path: ...
    @property
    def organization(self) -> str: ...
    @property
    def enterprise(self) -> str: ...
    @property
    def is_complete(self) -> bool: ...
    @property
    def taken_at(self) -> datetime | None: ...


class Account(NamedTuple):
    kind: str
    id: int


class SeatList(NamedTuple):
    moment: datetime
    # Whose seats it lists: the account that was named.
    scope: Account
    is_ending: bool
    seats: list[Row]


class ActivityLine(NamedTuple):
    moment: datetime
    scope: Account
    login: str
    signed_in: datetime | None
    used: datetime | None


# Reading --------------------------------------------------------------------------------------


def contents(path: Path) -> Iterator[bytes]:
    """What is in a file, or in each file of an archive, unpacked."""
    data = path.read_bytes()
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield archive.read(name)
    elif data[:2] == b"\x1f\x8b":
        yield gzip.decompress(data)
    else:
        yield data


def documents(text: str) -> list[Any]:
    """The JSON values of a file: one a line where every line is one, else the file as a whole."""
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError:
        return [json.loads(text)]


def flattened(documents: Iterable[Any]) -> Iterator[Row]:
    """Objects out of arrays, and days out of `day_totals`, led by the keys around them."""
    for document in documents:
        if isinstance(document, list):
            yield from flattened(document)
        elif "day_totals" in document:
            around = {key: value for key, value in document.items() if key != "day_totals"}
            for inner in document["day_totals"]:
                yield around | inner
        else:
            yield document


def instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def facts(record: Row) -> Row:
    return {key: value for key, value in record.items() if key not in HOUSEKEEPING and key != "user_login"}


# What is true ---------------------------------------------------------------------------------


@dataclass
class Oracle:
    """All files, read; a newer export of a day wins over an older one, line by line."""

    labels: dict[Account, str] = field(default_factory=dict)
    parents: dict[Account, Account] = field(default_factory=dict)
    # By account and day: by person, the account itself, and by team the ids of its members.
    people: dict[Account, dict[date, dict[int, Row]]] = field(default_factory=lambda: defaultdict(dict))
    totals: dict[Account, dict[date, Row]] = field(default_factory=lambda: defaultdict(dict))
    teams: dict[Account, dict[date, dict[int, set[int]]]] = field(default_factory=lambda: defaultdict(dict))
    slugs: dict[tuple[Account, int], tuple[date, str]] = field(default_factory=dict)
    # By account, day and repository.
    repositories: dict[Account, dict[date, dict[int, Row]]] = field(default_factory=dict)
    seat_lists: list[SeatList] = field(default_factory=list)
    activity: list[ActivityLine] = field(default_factory=list)
    # Every sighting of a login with an id: first and last day.
    logins: dict[tuple[int, str], tuple[date, date]] = field(default_factory=dict)
    _seen: dict[Any, datetime] = field(default_factory=dict)

    @classmethod
    def of(cls, files: Iterable[Given]) -> Oracle:
        oracle = cls()
        files = list(files)
        for file in files:
            for data in contents(file.path):
                oracle._read(file, data.decode("utf-8-sig"))
        oracle._read_seats(files)
        return oracle

    def _read(self, file: Given, text: str) -> None:
        if text.startswith("report_time"):
            return
        for record in flattened(documents(text)):
            if "seats" in record:
                return
            account = self._account(file, record)
            if "team_id" in record:
                self._member(account, record)
            elif "user_id" in record:
                self._user_day(account, record)
            elif "repo_id" in record:
                days = self.repositories.setdefault(account, {})
                days.setdefault(day_of(record), {})[record["repo_id"]] = record
            else:
                self._newest(self.totals[account], account, day_of(record), record)

    def _account(self, file: Given, record: Row) -> Account:
        enterprise = (
            Account("enterprise", int(record["enterprise_id"])) if "enterprise_id" in record else None
        )
        if organization_id := record.get("organization_id"):
            account = Account("organization", int(organization_id))
            if enterprise:
                self.parents[account] = enterprise
            self.labels.setdefault(account, file.organization or str(account.id))
            return account
        assert enterprise is not None
        self.labels[enterprise] = file.enterprise or self.labels.get(enterprise, str(enterprise.id))
        return enterprise

    def _user_day(self, account: Account, record: Row) -> None:
        day = day_of(record)
        self._login(record["user_id"], record["user_login"], day)
        self._newest(self.people[account].setdefault(day, {}), account, record["user_id"], record)
        # A report over several days knows each of them, those on which nobody did anything, too.
        first = date.fromisoformat(record.get("report_start_day", record["day"]))
        last = date.fromisoformat(record.get("report_end_day", record["day"]))
        for number in range((last - first).days + 1):
            self.people[account].setdefault(first + timedelta(days=number), {})

    def _member(self, account: Account, record: Row) -> None:
        day = day_of(record)
        self._login(record["user_id"], record["user_login"], day)
        self.teams[account].setdefault(day, {}).setdefault(record["team_id"], set()).add(record["user_id"])
        key = (account, record["team_id"])
        self.slugs[key] = max(self.slugs.get(key, (date.min, "")), (day, record["slug"]))

    def _newest(self, held: dict[Any, Row], account: Account, key: Any, record: Row) -> None:
        """Keep the record of the newest report. Of one moment there must be but one truth."""
        at = midnight(date.fromisoformat(record.get("report_end_day", record["day"])))
        seen_key = (account, key, record["day"], "user_id" in record)
        before = self._seen.get(seen_key)
        if before == at:
            assert facts(held[key]) == facts(record), f"{account} {key} {record['day']}: two truths at {at}"
        if before is None or at > before:
            held[key] = record
            self._seen[seen_key] = at

    def _login(self, user_id: int, login: str, day: date) -> None:
        # Whoever asks is told of all files; a further one begins anew.
        for known in ("_borne", "_bearers"):
            self.__dict__.pop(known, None)
        first, last = self.logins.get((user_id, login), (day, day))
        self.logins[user_id, login] = (min(first, day), max(last, day))

    def _read_seats(self, files: Iterable[Given]) -> None:
        """Seats and activity, now that the accounts' numbers are known."""
        by_label = {(account.kind, label): account for account, label in self.labels.items()}
        for file in files:
            kind = "organization" if file.organization else "enterprise"
            scope = by_label.get((kind, file.organization or file.enterprise))
            for data in contents(file.path):
                text = data.decode("utf-8-sig")
                if text.startswith("report_time"):
                    assert scope is not None
                    self._activity_report(scope, text)
                elif '"seats"' in text[:200] or '"seats": [' in text[:400]:
                    assert scope is not None
                    self._seat_list(file, scope, list(flattened(documents(text))))

    def _seat_list(self, file: Given, scope: Account, pages: list[Row]) -> None:
        assert file.taken_at is not None, "the oracle wants to be told when a seat list was taken"
        seats = [seat for page in pages for seat in page["seats"]]
        for seat in seats:
            self._login(seat["assignee"]["id"], seat["assignee"]["login"], file.taken_at.date())
            if organization := seat.get("organization"):
                account = Account("organization", organization["id"])
                self.labels[account] = organization["login"]
                self.parents.setdefault(account, scope)
        people = {seat["assignee"]["id"] for seat in seats}
        is_whole = all(page["total_seats"] == len(people) for page in pages)
        self.seat_lists.append(SeatList(file.taken_at, scope, is_whole and file.is_complete, seats))

    def _activity_report(self, scope: Account, text: str) -> None:
        for line in csv.DictReader(io.StringIO(text)):
            moment = instant(line["report_time"])
            assert moment is not None
            self.activity.append(
                ActivityLine(
                    moment, scope, line["login"], instant(line["last_authenticated_at"]),
                    instant(line["last_activity_at"]),
                )
            )  # fmt: skip

    # Names -------------------------------------------------------------------------------------

    def names(self, account: Account) -> Row:
        """The columns by which a row says whose it is."""
        enterprise = account if account.kind == "enterprise" else self.parents.get(account)
        return {
            "organization": self.labels[account] if account.kind == "organization" else "",
            "enterprise": self.labels.get(enterprise, "") if enterprise else "",
        }

    def login(self, user_id: int) -> str:
        """The login of the newest day."""
        return max((last, login.lower(), login) for login, last in self._borne[user_id])[2]

    def holder(self, login: str, day: date) -> int | None:
        """Who bore a login on a day: seen under it around that day, else last before, else first after."""
        seen = self._bearers[login.lower()]
        around = [user_id for first, last, user_id in sorted(seen) if first <= day <= last]
        before = [(last, user_id) for _, last, user_id in seen if last < day]
        if around:
            return around[-1]
        if before:
            return max(before)[1]
        return min(seen)[2] if seen else None

    @cached_property
    def _borne(self) -> dict[int, list[tuple[str, date]]]:
        """The logins of each person, and when each was seen last."""
        found: dict[int, list[tuple[str, date]]] = defaultdict(list)
        for (user_id, login), (_, last) in self.logins.items():
            found[user_id].append((login, last))
        return found

    @cached_property
    def _bearers(self) -> dict[str, list[tuple[date, date, int]]]:
        """By login in lower case: who was seen under it, from when to when."""
        found: dict[str, list[tuple[date, date, int]]] = defaultdict(list)
        for (user_id, login), (first, last) in self.logins.items():
            found[login.lower()].append((first, last, user_id))
        return found

    # Usage -------------------------------------------------------------------------------------

    def daily_metrics(self) -> list[Row]:
        return [
            {"day": str(day), **self.names(account), **self._day(account, day)}
            for account in {*self.people, *self.totals}
            for day in {*self.people[account], *self.totals[account]}
            if self.people[account].get(day) or day in self.totals[account]
        ]

    def _day(self, account: Account, day: date) -> Row:
        report = self.totals[account].get(day)
        if report is not None:
            return {
                "daily_active_users": report["daily_active_users"],
                "weekly_active_users": report["weekly_active_users"],
                "monthly_active_users": report["monthly_active_users"],
                **{name: report[name] for name in COUNTERS},
                "source": "report",
            }
        lines = self.people[account][day].values()
        return {
            "daily_active_users": self._distinct(account, day, 1),
            "weekly_active_users": self._distinct(account, day, 7),
            "monthly_active_users": self._distinct(account, day, 28),
            **sums(lines),
            "source": "users",
        }

    def _distinct(self, account: Account, day: date, length: int) -> int | None:
        """Distinct people in the days that end with this one; nothing unless each of them is known."""
        window = [day - timedelta(days=back) for back in range(length)]
        if any(each not in self.people[account] for each in window):
            return None
        return len({user_id for each in window for user_id in self.people[account][each]})

    def user_metrics(self, first: date = date.min, last: date = date.max) -> list[Row]:
        rows = []
        for account, days in self.people.items():
            lines: dict[int, list[Row]] = defaultdict(list)
            for day, people in days.items():
                if first <= day <= last:
                    for user_id, line in people.items():
                        lines[user_id].append(line)
            for user_id, own in lines.items():
                active = sorted(line["day"] for line in own)
                rows.append(
                    {
                        "user_id": user_id,
                        "user_login": self.login(user_id),
                        **self.names(account),
                        "active_days": len(active),
                        "first_day": active[0],
                        "last_day": active[-1],
                        **sums(own),
                    }
                )
        return rows

    def team_metrics(self, first: date = date.min, last: date = date.max) -> list[Row]:
        """By membership as of each day; somebody in two teams counts in both."""
        rows = []
        for account, days in self.people.items():
            joined: dict[int | None, list[Row]] = {None: []}
            for day, people in days.items():
                if not first <= day <= last:
                    continue
                teams = self.teams[account].get(day, {})
                for team_id, members in teams.items():
                    own = joined.setdefault(team_id, [])
                    own += [people[user_id] for user_id in members if user_id in people]
                in_a_team = set().union(*teams.values())
                joined[None] += [line for user_id, line in people.items() if user_id not in in_a_team]
            for team_id, lines in joined.items():
                rows.append(
                    {
                        "team_id": team_id or "",
                        "slug": self.slugs[account, team_id][1] if team_id else "(unattributed)",
                        **self.names(account),
                        "active_users": len({line["user_id"] for line in lines}),
                        "user_days": len(lines),
                        **(sums(lines) if lines else dict.fromkeys(COUNTERS, 0)),
                    }
                )
        return rows

    def users_low_acceptance(self, account: Account, below: Decimal = Decimal("0.10")) -> list[Row]:
        """Interactions above zero, and no acceptance or a rate below the limit."""
        asked, made, taken = COUNTERS[:3]
        rows = []
        for user in self.user_metrics():
            if {**self.names(account)}.items() <= user.items() and user[asked] > 0:
                rate = Decimal(user[taken]) / user[made] if user[made] else None
                if user[taken] == 0 or (rate is not None and rate < below):
                    rows.append(
                        {
                            "user_id": user["user_id"],
                            "user_login": user["user_login"],
                            "teams": self._teams_of(account, user["user_id"]),
                            **{name: user[name] for name in (asked, made, taken)},
                            "acceptance_rate": None if rate is None else round(rate, 4),
                        }
                    )
        return rows

    def _teams_of(self, account: Account, user_id: int) -> set[str]:
        return {
            self.slugs[account, team_id][1]
            for teams in self.teams[account].values()
            for team_id, members in teams.items()
            if user_id in members
        }

    def teams_low_adoption(self, account: Account, below: Decimal = Decimal("0.5")) -> list[Row]:
        """Active members out of all members on the newest day that both reports cover."""
        rows = []
        for team_id in {team_id for teams in self.teams[account].values() for team_id in teams}:
            days = [day for day, teams in self.teams[account].items() if team_id in teams]
            day = max(day for day in days if day in self.people[account])
            members = self.teams[account][day][team_id]
            active = members & set(self.people[account][day])
            adoption = Decimal(len(active)) / len(members)
            if adoption < below:
                rows.append(
                    {
                        "team_id": team_id,
                        "slug": self.slugs[account, team_id][1],
                        "members": len(members),
                        "active_users": len(active),
                        "adoption": round(adoption, 4),
                    }
                )
        return rows

    # Seats -------------------------------------------------------------------------------------

    def inactive_seats(self, as_of: date, days: int = 30, exempt: Iterable[int] = ()) -> list[Row]:
        judged = self.seats(as_of, days, exempt)
        return [row for row in judged if row["verdict"] in ("idle", "never_used")]

    def seats(self, as_of: date, days: int = 30, exempt: Iterable[int] = ()) -> list[Row]:
        """Every seat held at the end of the day, with its verdict; grace is 14 days."""
        end = midnight(as_of) + timedelta(days=1)
        evidence = self._evidence(as_of, end)
        exempt = set(exempt)
        rows = []
        for (account, user_id), (listed_at, grants) in self._newest_grants(end).items():
            if self._has_ended(account, listed_at, end):
                continue
            rows.append(self._seat(account, user_id, grants, evidence.get(user_id, {}), as_of, days, exempt))
        rows += self._known_by_activity_only(end, evidence, as_of, days)
        return rows

    def _newest_grants(self, end: datetime) -> dict[tuple[Account, int], tuple[datetime, list[Row]]]:
        """By granting account and person: the newest list that shows the seat, and what it says."""
        found: dict[tuple[Account, int], tuple[datetime, list[Row]]] = {}
        for seat_list in sorted(self.seat_lists, key=lambda each: each.moment):
            if seat_list.moment >= end:
                continue
            here: dict[tuple[Account, int], list[Row]] = defaultdict(list)
            for seat in seat_list.seats:
                organization = seat.get("organization")
                granted = Account("organization", organization["id"]) if organization else seat_list.scope
                here[granted, seat["assignee"]["id"]].append(seat)
            found |= {key: (seat_list.moment, grants) for key, grants in here.items()}
        return found

    def _has_ended(self, account: Account, listed_at: datetime, end: datetime) -> bool:
        """A later whole list of the account, or of its enterprise, no longer shows it."""
        scopes = {account, self.parents.get(account)}
        return any(
            listed_at < seat_list.moment < end and seat_list.scope in scopes and seat_list.is_ending
            for seat_list in self.seat_lists
        )

    def _known_by_activity_only(
        self, end: datetime, evidence: dict[int, dict[str, date]], as_of: date, days: int
    ) -> list[Row]:
        """Logins of an activity report that no seat list and no usage report knows, newer than every list."""
        rows = []
        for line in self.activity:
            listed = [each.moment for each in self.seat_lists if each.is_ending and each.moment < end]
            if line.moment >= end or line.moment < max(listed, default=line.moment):
                continue
            if self.holder(line.login, line.moment.date()) is None:
                rows.append(
                    {**self.names(line.scope), "login": line.login, "user_id": "", "verdict": "unknown"}
                )
        return rows

    def _evidence(self, as_of: date, end: datetime) -> dict[int, dict[str, date]]:
        """By person and source: the newest day, from whichever account."""
        found: dict[int, dict[str, date]] = defaultdict(dict)

        def note(user_id: int | None, source: str, day: date | None) -> None:
            if user_id is not None and day is not None and day <= as_of:
                found[user_id][source] = max(day, found[user_id].get(source, day))

        for seat_list in self.seat_lists:
            for seat in seat_list.seats if seat_list.moment < end else []:
                user_id = seat["assignee"]["id"]
                note(user_id, "seat", utc_day(seat["last_activity_at"]))
                note(user_id, "sign_in", utc_day(seat["last_authenticated_at"]))
        for line in self.activity:
            if line.moment < end:
                user_id = self.holder(line.login, line.moment.date())
                note(user_id, "activity_report", line.used.date() if line.used else None)
                note(user_id, "sign_in", line.signed_in.date() if line.signed_in else None)
        for days in self.people.values():
            for day, people in days.items():
                for user_id, record in people.items():
                    if not is_only_passive(record):
                        note(user_id, "usage_report", day)
                    if record.get("ai_credits_used"):
                        note(user_id, "ai_credits", day)
        return found

    def _seat(
        self,
        account: Account,
        user_id: int,
        grants: list[Row],
        evidence: dict[str, date],
        as_of: date,
        days: int,
        exempt: set[int],
    ) -> Row:
        created = max(moment for grant in grants if (moment := instant(grant["created_at"])))
        pending = [grant["pending_cancellation_date"] for grant in grants]
        counted = {source: day for source, day in evidence.items() if source != "sign_in"}
        used = max(counted.values(), default=None)
        source = next((name for name in SOURCES if name in counted and counted[name] == used), "")
        verdict = judge(as_of, days, used, created.date(), None not in pending, user_id in exempt)
        return {
            **self.names(account),
            "login": self.login(user_id),
            "user_id": user_id,
            "plan_type": max((grant["plan_type"] for grant in grants), key=PLANS.index),
            "granted_by": ";".join(sorted({route(grant) for grant in grants})),
            "created_at": created,
            "pending_cancellation_date": max(pending) if None not in pending else "",
            "last_evidence_on": str(used) if used else "",
            "last_evidence_source": source,
            "verdict": verdict,
            "days_idle": (as_of - used).days if used else "",
        }


def day_of(record: Row) -> date:
    return date.fromisoformat(record["day"])


def utc_day(text: str | None) -> date | None:
    moment = instant(text)
    return moment.date() if moment else None


def sums(lines: Iterable[Row]) -> Row:
    """The seven counters added up; one that no line has is unknown."""
    lines = list(lines)
    known = {name: [line[name] for line in lines if line.get(name) is not None] for name in COUNTERS}
    return {name: sum(values) if values else None for name, values in known.items()}


def is_only_passive(record: Row) -> bool:
    """Nothing in the line but a review Copilot did unasked."""
    if not record.get("used_copilot_code_review_passive"):
        return False
    if any(record.get(name) for name in COUNTERS) or record.get("ai_credits_used"):
        return False
    for key, value in record.items():
        if key.startswith("totals_by_") and value:
            return False
        if key.startswith("used_") and value and key != "used_copilot_code_review_passive":
            return False
    return True


def route(grant: Row) -> str:
    team = grant.get("assigning_team")
    if team:
        return "enterprise_team" if team["type"] == "enterprise" else "team"
    return "direct" if grant.get("organization", {}) is not None else "enterprise"


def judge(
    as_of: date,
    days: int,
    used: date | None,
    created: date,
    is_pending: bool,
    is_exempt: bool,
    grace: int = 14,
) -> str:
    """The verdict rules, as they are written down: the first that holds."""
    age = (as_of - created).days
    idle = (as_of - used).days if used else None
    if is_pending:
        return "pending"
    if idle is not None and idle <= days:
        return "active"
    if is_exempt:
        return "exempt"
    if age <= grace or (age <= days and used is None):
        return "in_grace"
    if used is not None:
        return "idle"
    if age < 90:
        return "never_used"
    return "idle" if days <= 90 else "unknown"
