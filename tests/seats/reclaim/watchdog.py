"""Stands at GitHub's door and looks at every DELETE of seats: was that one to take back, by all one knows?

Written from the rules alone, not from the portal: it judges by the ledger and by GitHub itself, at the
instant at which the request arrives. It stops nothing; a test asks afterwards whether it barked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from tests.fake_github.exchange import Request
from tests.fake_github.state import Account, Enterprise, State, holder
from tests.seats.reclaim.ledger import AccountKey, ApprovedBatch, Asked, Ledger, Row, Rules

REMEMBERED_DAYS = 90
ROSTER_IS_FRESH = timedelta(hours=26)
# Of the newest whole day, yesterday, three more may be missing.
USAGE_MAY_LAG = timedelta(days=4)
READ_IS_FRESH = timedelta(minutes=15)
APPROVAL_HOLDS = timedelta(days=7)


@dataclass(frozen=True)
class Bark:
    """A seat that must not be taken back, and the rule that says so."""

    rule: str
    says: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.says}"


def account_key(account: Account) -> AccountKey:
    kind = "enterprise" if isinstance(account, Enterprise) else "organization"
    return f"{kind}:{account.login.lower()}"


def is_taking_seats(request: Request) -> bool:
    return request.method == "DELETE" and request.path.endswith("/copilot/billing/selected_users")


class Watchdog:
    def __init__(self, state: State, ledger: Ledger) -> None:
        self.state = state
        self.ledger = ledger
        self.barks: list[Bark] = []
        self.seats_asked: Counter[str] = Counter()
        self._just_asked: list[Asked] = []
        self._going_on: set[int] = set()

    def watch(self, request: Request) -> None:
        """Called with every request before it is answered."""
        if not is_taking_seats(request):
            return
        account = self._account(request.path)
        names = [str(name) for name in request.body["selected_usernames"]]
        known = len(self.ledger.asked)
        self._going_on = {
            row["assignee"]["id"] for row in account.seats if not row.get("pending_cancellation_date")
        }
        self.seats_asked["calls"] += 1
        self.seats_asked["seats"] += len(names)
        self.barks += self._of_call(account, names)
        for name in names:
            self.barks += self._of_seat(account, name, request.at)
        self._just_asked = self.ledger.asked[known:]

    def _account(self, path: str) -> Account:
        _, kind, login, *_ = path.split("/")
        found = self.state.find_organization(login) if kind == "orgs" else self.state.find_enterprise(login)
        assert found is not None, path
        return found

    # --- The call as a whole --------------------------------------------------------------------

    def _of_call(self, account: Account, names: list[str]) -> Iterator[Bark]:
        key, now = account_key(account), self.state.now()
        if len(names) > 50:
            yield Bark("chunk", f"{len(names)} names in one call")
        if len({name.lower() for name in names}) < len(names):
            yield Bark("twice", f"a name stands twice in one call: {names}")
        if not self._would_stay(account, {name.lower() for name in names}):
            yield Bark("last seat", f"{key} would be left without a seat")
        yield from self._of_roster(key, now)
        yield from self._of_approval(key, now)
        for rules in self._rules_of(key, names, now.date()):
            if rules.needs_usage_reports:
                yield from self._of_usage(key, now.date())
            if not rules.is_working_day(now.date()):
                yield Bark("working day", f"{now:%A %Y-%m-%d} is none")
            yield from self._of_caps(key, rules, names, now)
            yield from self._of_mode(rules)

    def _rules_of(self, key: AccountKey, names: list[str], day: date) -> list[Rules]:
        """The rules of each seat in question: a team may have its own."""
        found: list[Rules] = []
        for name in names:
            rules = self.ledger.nearest(key, self._person(name), day)
            if rules is not None and rules not in found:
                found.append(rules)
        return found

    def _would_stay(self, account: Account, names: set[str]) -> bool:
        return any(
            holder(seat) is not None
            and holder(seat) not in names
            and seat.get("pending_cancellation_date") is None
            for seat in account.seats
        )

    def _of_roster(self, key: AccountKey, now: datetime) -> Iterator[Bark]:
        lists = self.ledger.covering(key)
        believed = [one for one in lists if one.is_believed]
        if not believed or now - believed[-1].at > ROSTER_IS_FRESH:
            yield Bark("stale roster", f"the newest list of {key} is of {believed and believed[-1].at}")
        elif not lists[-1].is_complete:
            yield Bark("partial roster", f"the newest list of {key} was not whole")
        elif not lists[-1].is_believed:
            yield Bark("held back roster", f"the newest list of {key} lacks too many")

    def _of_usage(self, key: AccountKey, today: date) -> Iterator[Bark]:
        ledger = self.ledger
        keys = [one for one in (key, ledger.parents.get(key, "")) if one]
        covered = [day for one in keys for day in ledger.covered[one]]
        if not covered or max(covered) < today - USAGE_MAY_LAG:
            yield Bark("silent source", f"usage of {key} was last heard of for {covered and max(covered)}")
        if all(one in ledger.policy_is_off for one in keys):
            yield Bark("source off", f"usage reports of {key} are switched off")

    def _of_caps(self, key: AccountKey, rules: Rules, names: list[str], now: datetime) -> Iterator[Bark]:
        ledger = self.ledger
        people = {self._person(name) for name in names}
        # A name that is asked for once more is the same seat; one that was refused went nowhere.
        taken = [one for one in ledger.asked if one.account == key and one.is_done]
        in_run = people | {one.person for one in taken if one.run == ledger.run}
        in_day = people | {one.person for one in taken if one.at.date() == now.date()}
        believed = [one for one in ledger.covering(key) if one.is_believed]
        held = len({person for owner, person in believed[-1].people if owner == key}) if believed else 0
        for what, count, most, percent in (
            ("run", len(in_run), rules.max_seats_per_run, rules.max_percent_per_run),
            ("day", len(in_day), rules.max_seats_per_day, rules.max_percent_per_day),
        ):
            if count > most:
                yield Bark(f"cap by count per {what}", f"{count} seats of {most}")
            if count > max(held * percent // 100, 1 if percent else 0):
                yield Bark(f"cap by percent per {what}", f"{count} of {held} seats, {percent} %")

    def _of_mode(self, rules: Rules) -> Iterator[Bark]:
        batch = self.ledger.executing
        if batch is None:
            return
        who = {name for name, _ in batch.approvals}
        if batch.is_automatic:
            if rules.mode != "automatic":
                yield Bark(
                    "report only", f"batch {batch.key} was the portal's own; {rules.scope} is {rules.mode}"
                )
        elif rules.needs_second_person and (len(who) < 2 or batch.proposed_by in who):
            yield Bark("second person", f"{who} approved what {batch.proposed_by} proposed")

    def _of_approval(self, key: AccountKey, now: datetime) -> Iterator[Bark]:
        batch = self.ledger.executing
        if batch is None:
            yield Bark("unapproved", "nobody executes anything")
            return
        who = {name for name, _ in batch.approvals}
        if not batch.is_automatic and (not who or batch.is_withdrawn):
            yield Bark("unapproved", f"batch {batch.key}: {who or 'nobody'} approved it")
        if batch.approvals and now - max(at for _, at in batch.approvals) > APPROVAL_HOLDS:
            yield Bark("batch expired", f"batch {batch.key} was approved on {batch.approvals[-1][1]}")
        if batch.account != key:
            yield Bark("unapproved", f"batch {batch.key} is of {batch.account}, not of {key}")

    # --- Each seat ------------------------------------------------------------------------------

    def _person(self, name: str) -> int:
        found = self.state.find_user(name)
        return int(found["id"]) if found else -1

    def _of_seat(self, account: Account, name: str, now: datetime) -> Iterator[Bark]:
        ledger, key, today = self.ledger, account_key(account), now.date()
        _, read_at, rows = ledger.read.get(
            (key, name.lower()), (0, datetime.min.replace(tzinfo=now.tzinfo), [])
        )
        rows = [row for row in rows if ledger.account_of(key, row) == key]
        if (number := ledger.read.get((key, name.lower()), (0, None, []))[0]) <= ledger.run_began:
            yield Bark("unread", f"{name} of {key} was not asked for in this run")
        elif now - read_at > READ_IS_FRESH:
            yield Bark("unread", f"{name} of {key} was last asked for at {read_at}")
        if not rows:
            yield Bark("unread", f"GitHub showed no seat of {name} in {key}")
            return
        person = int(rows[0]["assignee"]["id"])
        yield from self._of_identity(key, name, person)
        yield from self._of_rows(name, rows)
        rules = ledger.nearest(key, person, today)
        if rules is None:
            yield Bark("no policy", f"{name} of {key}")
        else:
            newest = self._newest_use(person, rules)
            yield from self._of_life(key, name, person, rules, rows, today, newest)
            yield from self._of_notice(key, name, person, rules, today, newest)
        if left_alone := ledger.exemption_of(key, person, name, today):
            yield Bark("exempt", f"{name}: {left_alone}")
        if (until := ledger.kept.get((key, person))) and until >= today:
            yield Bark("kept", f"{name} was kept until {until}")
        before = [one for one in ledger.asked if (one.account, one.person) == (key, person)]
        if before and ledger.shown_active.get((key, person), 0) <= before[-1].number:
            yield Bark("twice", f"{name} of {key} was asked for at {before[-1].at}, and not looked at since")
        ledger.asked.append(Asked(now, ledger.run, key, person, max(number, ledger.number)))

    def _of_identity(self, key: AccountKey, name: str, person: int) -> Iterator[Bark]:
        batch: ApprovedBatch | None = self.ledger.executing
        if batch is not None and person not in batch.people:
            yield Bark("identity", f"{name} is {person}, who is not in batch {batch.key} of {key}")

    def _of_rows(self, name: str, rows: list[Row]) -> Iterator[Bark]:
        for row in rows:
            if row.get("assigning_team"):
                yield Bark("team", f"the seat of {name} comes through {row['assigning_team']['name']}")
            if row.get("pending_cancellation_date"):
                yield Bark("pending", f"the seat of {name} ends on {row['pending_cancellation_date']} anyway")

    def _newest_use(self, person: int, rules: Rules) -> date | None:
        not_use = {"passive"} if rules.sign_in_counts else {"passive", "sign_in"}
        known = self.ledger.alive[person]
        return max((day for source, day in known.items() if source not in not_use), default=None)

    def _of_life(
        self,
        key: AccountKey,
        name: str,
        person: int,
        rules: Rules,
        rows: list[Row],
        today: date,
        newest: date | None,
    ) -> Iterator[Bark]:
        ledger, limit = self.ledger, rules.idle_days
        known = ledger.alive[person]
        if newest is not None and (today - newest).days <= limit:
            yield Bark(
                "alive", f"{name}, {person}, was seen on {newest}; {limit} days before {today}: {known}"
            )
        by_itself = ledger.executing is not None and ledger.executing.is_automatic
        for source in ("sign_in", "passive"):
            if by_itself and source in known and (today - known[source]).days <= limit:
                yield Bark(source, f"{name} on {known[source]}, and nobody looked")
        granted = max(date.fromisoformat(row["created_at"][:10]) for row in rows)
        ago = (today - granted).days
        if ago <= rules.grace_days or (newest is None and ago <= limit):
            yield Bark("grace", f"{name} was granted a seat on {granted}")
        since = ledger.watched_since(key, person)
        watched = (today - since.date()).days if since else -1
        if watched < rules.min_watched_days:
            yield Bark("unwatched", f"{name} of {key} is watched since {since}")
        if newest is None and limit > REMEMBERED_DAYS and watched < limit:
            yield Bark("unknown", f"{name} of {key} is watched since {since}, {limit} days are asked for")

    def _of_notice(
        self, key: AccountKey, name: str, person: int, rules: Rules, today: date, newest: date | None
    ) -> Iterator[Bark]:
        ledger = self.ledger
        told, until = ledger.told.get((key, person), (None, None))
        answered = ledger.answered.get((key, person))
        if told and answered and answered >= told:
            yield Bark("answered", f"{name} said on {answered} that they need it")
        # What somebody was promised holds, whatever the policy asks for by now.
        is_stale = told is not None and newest is not None and newest > told.date()
        if told is not None and until is not None and today <= until and not is_stale:
            yield Bark("notice running", f"{name} was told on {told} that there is time until {until}")
        if not rules.notice_days:
            return
        if told is None:
            yield Bark("notice owed", f"{name} of {key} was never told")
        elif is_stale:
            yield Bark("notice owed", f"{name} of {key} was told on {told}, and used it on {newest}")

    def done(self, request: Request, status: int) -> None:
        """Called with what GitHub did, whether or not the portal ever hears of it."""
        if request.path.endswith("/copilot/billing/selected_users"):
            if request.method == "DELETE" and status == 200:
                self._note_taken(self._account(request.path))
            elif request.method == "POST" and status == 201:
                self._note_given_back(request)

    def _note_taken(self, account: Account) -> None:
        ends = {row["assignee"]["id"]: row for row in account.seats if row.get("pending_cancellation_date")}
        for one in self._just_asked:
            if one.person in ends and one.person in self._going_on:
                one.is_done, one.plan = True, ends[one.person]["plan_type"]
                one.ends_on = date.fromisoformat(ends[one.person]["pending_cancellation_date"])

    def _note_given_back(self, request: Request) -> None:
        key = account_key(self._account(request.path))
        people = {self._person(str(name)) for name in request.body["selected_usernames"]}
        for one in self.ledger.asked:
            if one.is_done and one.account == key and one.person in people:
                one.is_given_back = True

    # --- What GitHub served ---------------------------------------------------------------------

    def served(self, request: Request, body: Any) -> None:
        """Called with every answer that reached the portal."""
        ledger = self.ledger
        ledger.number += 1
        parts = request.path.split("/")
        if request.method != "GET" or len(parts) < 6 or parts[-1] not in ("copilot", "seats"):
            return
        if parts[-1] == "seats" and parts[-2] != "billing":
            return
        account = self._account(request.path)
        key = account_key(account)
        if parts[-1] == "copilot":
            rows = body.get("seats", [body]) if request.status in (200, 304) and body else []
            ledger.read[key, unquote(parts[-2]).lower()] = (ledger.number, self.state.now(), rows)
            for row in rows:
                ledger.note_row(row)
        else:
            rows = body.get("seats", []) if isinstance(body, dict) else []
        for row in rows:
            if (row.get("assignee") or {}).get("id") and not row.get("pending_cancellation_date"):
                of = ledger.account_of(key, row)
                ledger.shown_active[of, row["assignee"]["id"]] = ledger.number
