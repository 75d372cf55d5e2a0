"""Take in one roster: as the repetition of the standing one, by its differences from it, or whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date
from operator import attrgetter

from django.db import transaction
from django.db.models import Max, Q

from portal.bulk import collector_paused, update_values
from seats import activity_seats, current_rosters, evidence, watching
from seats.accounts import WrongAccount, lock, meet
from seats.models import Account, CurrentRoster, Seat, SeatRoster
from seats.people import People
from seats.people_names import Telling, note, tellings_of
from seats.roster import brake
from seats.roster.confirming import end_missing
from seats.roster.holding import Holding
from seats.roster.reported import Applied, ReportedGrant, Roster
from seats.roster.seat_rows import Key, SeatRow, rows_of, rows_of_people
from seats.roster.teams import Teams
from seats.roster.timelines import AnyMoment, Newest, Timeline
from seats.roster.writing import write
from seats.roster_content import Content, Person, persons

# (GitHub's id of the organization, its login): how a grant names the account it is of.
Name = tuple[int | None, str]
# A roster notes so many repetitions; the next one is written as a roster of its own.
REPETITIONS = 500

_name: Callable[[ReportedGrant | Person], Name] = attrgetter("organization_id", "organization_login")


@transaction.atomic
def apply(roster: Roster) -> Applied:
    """Make our seats say what this roster says, where nothing newer says otherwise.

    Raises WrongAccount where the list names an organization that contradicts what we know.
    """
    roster = replace(roster, observed_at=roster.observed_at.astimezone(UTC))
    with collector_paused():
        return _Application(roster).run()


class _Application:
    def __init__(self, roster: Roster) -> None:
        self.roster = roster
        self.at = roster.observed_at
        self.content = Content.of(roster.grants)
        self.people = People()
        self.applied = Applied()
        self.accounts: dict[int, Account] = {}
        self.named: dict[Name, Account] = {}
        self.teams = Teams({}, self.at.date())

    def run(self) -> Applied:
        self._meet_scope()
        self._lock()
        self._meet_accounts()
        current = None
        if self.roster.scope is not None and self.roster.is_whole:
            current = current_rosters.current_of(self.roster.scope)
        if current is None or not (self._repeats(current) or self._advances(current)):
            self._apply_whole()
        self.applied.accounts = list(self.accounts.values())
        self.applied.scope = self.roster.scope
        return self.applied

    # --- Accounts ---

    def _meet_scope(self) -> None:
        """An organization known by login alone is, by the id on its list, perhaps one known by id already."""
        scope = self.roster.scope
        if scope is None or scope.kind != Account.Kind.ORGANIZATION or scope.github_id is not None:
            return
        login = scope.login.lower()
        ids = {one.organization_id for one in self.roster.grants if one.organization_login.lower() == login}
        ids.discard(None)
        if len(ids) == 1:
            met = meet(scope.kind, login=scope.login, github_id=ids.pop(), file=self.roster.file)
            self.roster = replace(self.roster, scope=met)

    def _lock(self) -> None:
        """The accounts the roster speaks of, for nobody else to write meanwhile."""
        scope = self.roster.scope
        wanted = Q(pk__in=[account.pk for account in self.named.values()])
        if scope is not None:
            wanted |= Q(pk=scope.pk) | Q(parent=scope) | Q(pk=scope.parent_id)
        # An organization's roster says nothing of its enterprise, which is only kept from changing.
        above = scope.parent_id if scope is not None else None
        self.accounts = {account.pk: account for account in lock(wanted) if account.pk != above}

    def _meet_accounts(self) -> None:
        """The account that granted each seat: the organization it names, else the list's own."""
        scope = self.roster.scope
        enterprise = scope if scope is not None and scope.kind == Account.Kind.ENTERPRISE else None
        known = {
            (account.github_id, account.login.lower()): account
            for account in self.accounts.values()
            if account.kind == Account.Kind.ORGANIZATION
            and (enterprise is None or account.parent_id == enterprise.pk)
        }
        for name in sorted(set(map(_name, self.roster.grants)), key=lambda one: (one[0] or 0, one[1])):
            github_id, login = name
            if name != (None, ""):
                self.named[name] = known.get((github_id, login.lower())) or meet(
                    Account.Kind.ORGANIZATION,
                    login=login,
                    github_id=github_id,
                    parent=enterprise,
                    file=self.roster.file,
                )
            elif scope is None:
                raise WrongAccount("A seat names no organization, and no account was given for the list.")
            else:
                self.named[name] = scope
        if any(account.pk not in self.accounts for account in self.named.values()):
            self._lock()

    def _account_id(self, named: ReportedGrant | Person) -> int:
        return self.named[_name(named)].pk

    # --- The same list again ---

    def _repeats(self, current: CurrentRoster) -> bool:
        """Note one more moment of the standing roster, if this is the same list."""
        known, file = current.roster, self.roster.file
        if self.content.digest != known.digest or self.at < known.last_observed_at:
            return False
        if file is not None and not self.roster.is_unattended and file.pk != known.file_id:
            return False
        if self.roster.pages:
            return False
        if len(known.seen_again_at) >= REPETITIONS:
            return False
        if self.at > known.last_observed_at:
            if not self._see_days_of(current):
                return False
            known.see_again(self.at)
            known.save(update_fields=["seen_again_at", "last_observed_at"])
            watching.remember_newest(self.accounts.values(), self.at)
        self.applied.unchanged = len(self.roster.grants)
        self.applied.is_repeat = True
        return True

    def _see_days_of(self, current: CurrentRoster) -> bool:
        """What a new day changes even by the same list; False if the roster stands no longer after that."""
        if self.at.date() <= current.roster.last_observed_at.date():
            return True
        self._meet_teams()
        self._see_disputed()
        activity_seats.settle_logins(self.people.flush())
        return CurrentRoster.objects.filter(pk=current.pk).exists()

    def _see_disputed(self) -> None:
        for person in current_rosters.disputed(self.content.people()):
            self.people.saw(person.assignee_id, person.login, self.at.date())

    # --- A list with differences ---

    def _advances(self, current: CurrentRoster) -> bool:
        """Write what this list says otherwise than the standing one, if it is newer and does not end many."""
        known = current.roster
        if self.at <= known.last_observed_at:
            return False
        before, after = set(Content.unpack(current.content).lines), set(self.content.lines)
        gone, come = list(persons(before - after)), list(persons(after - before))
        touched = {person.assignee_id for person in (*gone, *come)}
        grants = [grant for grant in self.roster.grants if grant.assignee_id in touched]
        missing = {(_name(one), one.assignee_id) for one in gone} - {
            (_name(one), one.assignee_id) for one in grants
        }
        if self._is_to_be_held_back(len(missing), current.seats):
            return False
        self._meet_teams()
        for person in gone:
            self.people.saw(person.assignee_id, person.login, known.last_observed_at.date())
        for person in come:
            self.people.saw(person.assignee_id, person.login, self.at.date())
        if self.at.date() > known.last_observed_at.date():
            self._see_disputed()
        keys = self.people.keys_of({one.assignee_id: one.login for one in (*gone, *come)})
        logins = self.people.flush()
        note(tellings_of(before - after), known.last_observed_at)
        holdings = self._holdings(grants, keys)
        ours = rows_of_people(self.accounts, [keys[github_id] for github_id in touched])
        self._catch_up(current, holdings, ours)
        (roster,) = self._log()
        write(self.roster, holdings, ours, Newest(self.roster), self.applied)
        self.applied.unchanged += len(self.roster.grants) - len(grants)
        current_rosters.advance(current, roster, self.content, self._seats())
        watching.remember_newest(self.accounts.values(), self.at)
        self._conclude(holdings, logins)
        return True

    def _is_to_be_held_back(self, missing: int, held: int) -> bool:
        if not self.roster.is_unattended or not missing:
            return False
        return not self.roster.grants or brake.is_too_many(missing, held)

    def _catch_up(
        self, current: CurrentRoster, holdings: Mapping[Key, Holding], ours: Mapping[Key, SeatRow]
    ) -> None:
        """Move on every seat that the list still shows, and those it shows no longer to when it last did."""
        shown = current.roster.observed_at
        lost = [row for key, row in ours.items() if key not in holdings and row.observed_at == shown]
        file_id = self.roster.file.pk if self.roster.file else None
        current_rosters.catch_up(current, self.at, but=[row.pk for row in lost], file_id=file_id)
        last = current.roster.last_observed_at
        if last > shown:
            for row in lost:
                row.observed_at, row.last_seen_at = last, max(row.last_seen_at, last)
            moments = [(row.observed_at, row.last_seen_at, row.pk) for row in lost]
            update_values(Seat, ["observed_at", "last_seen_at"], moments)

    # --- A whole list ---

    def _apply_whole(self) -> None:
        self._meet_teams()
        current_rosters.release({*self.accounts, *self._parents()}, self.people)
        keys = self.people.keys_of({one.assignee_id: one.assignee_login for one in self.roster.grants})
        for grant in self.roster.grants:
            self.people.saw(grant.assignee_id, grant.assignee_login, self.at.date())
        logins = self.people.flush()
        holdings = self._holdings(self.roster.grants, keys)
        ours = self._ours(holdings)
        if self._brake(holdings, ours):
            ours = self._ours(holdings)
        is_newest = self._is_newest()
        timeline: Timeline = (
            Newest(self.roster) if is_newest else AnyMoment(self.roster, self.accounts.values())
        )
        rosters = self._log()
        write(self.roster, holdings, ours, timeline, self.applied)
        if is_newest and self.roster.is_complete:
            watching.remember_newest(self.accounts.values(), self.at)
        else:
            watching.remember(self.accounts.values())
        self._conclude(holdings, logins)
        if is_newest and self.roster.is_whole and self.roster.scope is not None:
            current_rosters.keep(rosters[0], self.content, len(holdings))

    def _parents(self) -> set[int]:
        return {account.parent_id for account in self.accounts.values() if account.parent_id}

    def _ours(self, holdings: Collection[Key]) -> dict[Key, SeatRow]:
        """The seats this roster speaks of: only a whole one speaks of those it does not list."""
        if self.roster.is_whole:
            return rows_of(Seat.objects.filter(account_id__in=self.accounts))
        return rows_of_people(self.accounts, {user_id for _, user_id in holdings})

    def _brake(self, holdings: Collection[Key], ours: Mapping[Key, SeatRow]) -> bool:
        """Take an unattended roster's word off it where too much would follow; True if seats changed."""
        if not (self.roster.is_unattended and self.roster.is_whole and self.roster.scope):
            return False
        held = [row for row in ours.values() if row.ended_at is None]
        missing = [row for row in held if row.key not in holdings and row.last_seen_at < self.at]
        decision = brake.decide(self.roster, missing, len(held))
        if decision.held_back:
            self.applied.held_back = decision.held_back
            self.roster = replace(self.roster, is_confirmed=False)
        if decision.borne_out is None:
            return False
        self.applied.ended += end_missing(decision.borne_out)
        return True

    def _is_newest(self) -> bool:
        covering = SeatRoster.objects.filter(account_id__in={*self.accounts, *self._parents()})
        newest = covering.aggregate(at=Max("last_observed_at"))["at"]
        return newest is None or self.at > newest

    # --- What all of them do ---

    def _meet_teams(self) -> None:
        self.teams = Teams(self.accounts, self.at.date())
        # Most seats of a team name it in the same way: once is enough.
        named = {
            (_name(grant), grant.team_id, grant.team_slug, grant.team_name, grant.team_is_enterprise): grant
            for grant in self.roster.grants
            if grant.team_id is not None
        }
        self.teams.meet((self._account_id(grant), grant) for grant in named.values())

    def _holdings(self, grants: Iterable[ReportedGrant], keys: Mapping[int, int]) -> dict[Key, Holding]:
        grouped: dict[Key, list[ReportedGrant]] = defaultdict(list)
        for grant in grants:
            grouped[self._account_id(grant), keys[grant.assignee_id]].append(grant)
        granted = self.teams.granted
        return {
            key: Holding.of(some, [granted(key[0], grant) for grant in some]) for key, some in grouped.items()
        }

    def _seats(self) -> int:
        """How many seats the list shows: several grants may be of one."""
        return len({(self._account_id(grant), grant.assignee_id) for grant in self.roster.grants})

    def _log(self) -> list[SeatRoster]:
        """Note that there was this roster, for its own account or for each that it names."""
        scopes = {self.roster.scope} if self.roster.scope else set(self.named.values())
        return [self._log_of(scope) for scope in scopes]

    def _log_of(self, scope: Account) -> SeatRoster:
        roster = self.roster
        known, made = SeatRoster.objects.get_or_create(
            account=scope,
            observed_at=self.at,
            defaults={
                "is_complete": roster.is_complete,
                "is_confirmed": roster.is_whole,
                "held_back": self.applied.held_back,
                "seats": len(roster.grants),
                "digest": self.content.digest if roster.is_whole else "",
                "file": roster.file or next(iter(roster.pages), None),
            },
        )
        if not made:
            known.is_complete |= roster.is_complete
            known.is_confirmed |= roster.is_whole
            known.held_back = 0 if known.is_confirmed else known.held_back
            # Of pages and their whole the whole, of several lists the longest.
            known.seats = max(known.seats, len(roster.grants))
            known.save(update_fields=["is_complete", "is_confirmed", "held_back", "seats"])
        known.note_tellers([roster.file] if roster.file else roster.pages)
        return known

    def _conclude(self, holdings: Mapping[Key, Holding], logins: Collection[str]) -> None:
        _note_evidence(holdings)
        note(_tellings(holdings), self.at)
        activity_seats.settle_logins(logins)
        activity_seats.settle_families(self.accounts.values())


def _tellings(holdings: Mapping[Key, Holding]) -> Iterator[Telling]:
    for holding in holdings.values():
        for grant in holding.grants:
            yield Telling(grant.assignee_id, grant.assignee_name, grant.assignee_email)


def _note_evidence(holdings: Mapping[Key, Holding]) -> None:
    used: dict[int, date] = {}
    signed_in: dict[int, date] = {}
    for (_, user_id), holding in holdings.items():
        if at := holding.last_activity_at:
            used[user_id] = max(used.get(user_id, date.min), at.date())
        if at := holding.last_authenticated_at:
            signed_in[user_id] = max(signed_in.get(user_id, date.min), at.date())
    evidence.note("seat", used)
    evidence.note("sign_in", signed_in)
