"""What is remembered of the people a file told of, without that file: logins, names, evidence of use, teams.

All of it is the newest (or the earliest) of what any file told. Where the undone file may have been the one,
the others are read again, newest first, and only as far as it takes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial

from django.db import transaction
from django.db.models import Max

from metrics.formats.kinds import Kind
from metrics.models import TeamRoster
from metrics.undo.decisions import Telling, silent
from metrics.undo.memory import (
    Login,
    Memory,
    Seen,
    TeamKey,
    TeamName,
    is_of_people,
    is_of_teams,
    recall,
)
from metrics.undo.overlap import STANDING, is_readable
from portal.bulk import update_rows, update_values
from portal.models import ReportFile
from seats import activity_seats, billed_people, evidence, people_names
from seats.models import (
    BillingLine,
    Evidence,
    GitHubUser,
    Listing,
    OrganizationMembership,
    Seat,
    SeatGrant,
    SeatObservation,
    SeatRoster,
    Team,
    TeamMembership,
    UserLogin,
)

KINDS = [kind.value for kind in Kind if is_of_people(kind.value)]


@dataclass(slots=True)
class Doubt:
    """What an undone file may have been the only one to tell, and what the others tell of it so far."""

    # The login as it stands now; what others told of it within that time.
    logins: dict[Login, tuple[date, date]] = field(default_factory=dict)
    seen: dict[Login, Seen] = field(default_factory=dict)
    used: dict[int, date] = field(default_factory=dict)
    used_last: dict[int, date] = field(default_factory=dict)
    credits: dict[int, date] = field(default_factory=dict)
    credits_last: dict[int, date] = field(default_factory=dict)
    teams: set[TeamKey] = field(default_factory=set)
    slugs: dict[TeamKey, dict[str, date]] = field(default_factory=lambda: defaultdict(dict))
    team_names: dict[TeamKey, TeamName] = field(default_factory=dict)
    names: set[int] = field(default_factory=set)

    def is_open_for(self, kind: Kind, first: date, last: date) -> bool:
        """Whether a file that speaks of these days, or earlier ones than all before it, can tell more."""
        return bool(
            (self.names and kind == Kind.SEATS)
            or (self.teams and is_of_teams(kind))
            or _may_tell(self.used, self.used_last, first, last)
            or _may_tell(self.credits, self.credits_last, first, last)
            or any(
                since <= last and until >= first and not self._is_settled(key, first, last)
                for key, (since, until) in self.logins.items()
            )
        )

    def _is_settled(self, key: Login, first: date, last: date) -> bool:
        # Of two spellings on one day the greater is shown, whichever file tells it.
        seen = self.seen.get(key)
        return seen is not None and seen.first <= first and seen.last > last

    def hear(self, memory: Memory) -> None:
        """Take what another file tells."""
        for login in self.logins.keys() & memory.logins.keys():
            told = memory.logins[login]
            if (known := self.seen.get(login)) is None:
                self.seen[login] = Seen(told.first, told.last, told.login)
            else:
                known.widen(told.first, told.last, told.login)
        for doubted, last, told_on in (
            (self.used, self.used_last, memory.used),
            (self.credits, self.credits_last, memory.credits),
        ):
            for github_id in doubted.keys() & told_on.keys():
                last[github_id] = max(told_on[github_id], last.get(github_id, date.min))
        for key in self.teams & memory.slugs.keys():
            for slug, day in memory.slugs[key].items():
                self.slugs[key][slug] = max(day, self.slugs[key].get(slug, day))
            if name := memory.team_names.get(key):
                self.team_names[key] = max(name, self.team_names.get(key, name))


def _may_tell(doubted: Mapping[int, date], last: Mapping[int, date], first_day: date, last_day: date) -> bool:
    """Whether a file of these days may tell a newer day than the others did, of anybody in doubt."""
    return any(until >= first_day and last.get(pk, date.min) < last_day for pk, until in doubted.items())


# Which of the other files is read again, and how many of its lines were.
OnFile = Callable[[int, int], None]


def settle_people(
    told: Memory,
    files: Collection[ReportFile],
    on_file: OnFile | None = None,
    telling: Telling = silent,
) -> Doubt:
    """Make what is remembered of the people in `told` what all but these files tell; returns what that is.

    The caller has taken the files' rows out already, and judges seats anew afterwards.
    """
    doubt = _doubt(told)
    tellings: list[tuple[datetime, Memory]] = []
    for number, file in enumerate(_others(files, doubt)):
        on_records = partial(on_file, number) if on_file is not None else None
        if on_records is not None:
            on_records(0)
        if not is_readable(file) and file.kind == Kind.SEATS:
            continue
        memory = recall(file, on_records)
        doubt.hear(memory)
        if memory.told_at is not None and memory.tellings and doubt.names:
            tellings.append((memory.told_at, memory))
    _hear_lists_without_files(doubt)
    with transaction.atomic(), telling():
        keys = _keys_of({github_id for github_id, _ in told.logins})
        _write_names(doubt, tellings)
        _write_logins(doubt, keys)
        _write_evidence(doubt, keys)
        _write_teams(doubt)
    return doubt


def _doubt(told: Memory) -> Doubt:
    """Where what is remembered reaches no further than what the file told."""
    doubt = Doubt()
    ids = {github_id for github_id, _ in told.logins}
    rows = UserLogin.objects.filter(user__github_id__among=ids).order_by()
    for github_id, login_key, first, last in rows.values_list(
        "user__github_id", "login_key", "first_seen_on", "last_seen_on"
    ):
        seen = told.logins.get((github_id or 0, login_key))
        if seen is not None and (seen.first <= first or seen.last >= last):
            doubt.logins[github_id or 0, login_key] = (first, last)
    for source, said, doubted in (
        (Evidence.Source.USAGE_REPORT, told.used, doubt.used),
        (Evidence.Source.AI_CREDITS, told.credits, doubt.credits),
    ):
        known = Evidence.objects.filter(source=source, user__github_id__among=set(said)).order_by()
        for github_id, last_on in known.values_list("user__github_id", "last_on"):
            if last_on <= said[github_id or 0]:
                doubted[github_id or 0] = last_on
    doubt.teams = {
        key
        for key, team in _teams(told.slugs).items()
        if team.slug_seen_on is None
        or team.slug_seen_on <= max(told.slugs[key].values())
        or set(team.former_slugs) & set(told.slugs[key])
        or (key in told.team_names and team.name == told.team_names[key][-1])
    }
    if told.told_at is not None:
        people = GitHubUser.objects.filter(github_id__among={one.github_id for one in told.tellings})
        doubt.names = {
            one.github_id or 0 for one in people if told.told_at in (one.name_told_at, one.email_told_at)
        }
    return doubt


def _others(files: Collection[ReportFile], doubt: Doubt) -> Iterator[ReportFile]:
    """The files that can tell more, newest first."""
    own = {file.pk for file in files}
    standing = ReportFile.objects.filter(state__in=STANDING, kind__in=KINDS).exclude(
        state=ReportFile.State.UNDOING
    )
    spans = []
    for file in standing.exclude(pk__in=own).only(
        "kind", "first_day", "last_day", "observed_at", "sha256", "kept_path", "size", "options",
        "is_complete", "source", "subject", "name", "state", "received_at",
    ):  # fmt: skip
        span = _span(file)
        if span is not None:
            spans.append((span, file))
    met: set[tuple[str, str]] = set()
    for (first, last), file in sorted(spans, key=lambda one: (one[0][1], one[1].pk), reverse=True):
        said = (file.sha256, repr(file.options))
        if said not in met and doubt.is_open_for(Kind(file.kind), first, last):
            met.add(said)
            yield file


def _span(file: ReportFile) -> tuple[date, date] | None:
    if file.kind == Kind.SEATS:
        return (file.observed_at.date(), file.observed_at.date()) if file.observed_at else None
    return (file.first_day, file.last_day) if file.first_day and file.last_day else None


def _keys_of(github_ids: Collection[int]) -> dict[int, int]:
    rows = GitHubUser.objects.filter(github_id__among=set(github_ids)).order_by()
    return {github_id: pk for github_id, pk in rows.values_list("github_id", "pk") if github_id}


# --- Lists that left no file ------------------------------------------------------------------


def _hear_lists_without_files(doubt: Doubt) -> None:
    """A list that GitHub told again, or whose file is gone, showed people too: by their seats' histories.

    Under which login is told by the time within which each was known.
    """
    ids = {github_id for github_id, _ in doubt.logins}
    if not ids:
        return
    days: dict[int, set[date]] = defaultdict(set)
    for account_id, moments in _moments_without_files().items():
        rows = SeatObservation.objects.filter(
            seat__account_id=account_id, seat__user__github_id__among=ids
        ).order_by("seat_id", "observed_at")
        histories: dict[int, list[tuple[datetime, bool]]] = defaultdict(list)
        for github_id, at, is_present in rows.values_list(
            "seat__user__github_id", "observed_at", "is_present"
        ):
            histories[github_id or 0].append((at, is_present))
        for github_id, history in histories.items():
            days[github_id] |= _shown(history, moments)
    members = OrganizationMembership.objects.filter(user__github_id__among=ids)
    read_at = dict(Listing.objects.filter(what=Listing.What.MEMBERS).values_list("account_id", "read_at"))
    for github_id, account_id, first_at in members.values_list(
        "user__github_id", "account_id", "first_seen_at"
    ):
        days[github_id or 0] |= {at.date() for at in (first_at, read_at.get(account_id)) if at}
    for key, (since, until) in doubt.logins.items():
        known = doubt.seen.get(key)
        for day in (day for day in days.get(key[0], ()) if since <= day <= until):
            if known is None:
                known = doubt.seen[key] = Seen(day, day, "")
            known.widen(day, day, known.login)


def _moments_without_files() -> dict[int, list[datetime]]:
    """By account, the moments of lists that cannot be read again, its enterprise's included."""
    moments: dict[int, set[datetime]] = defaultdict(set)
    tellers = SeatRoster.objects.all().tellers()
    for roster in SeatRoster.objects.order_by():
        told_by = tellers.get(roster.pk, ())
        if not told_by or not all(map(is_readable, told_by)):
            moments[roster.account_id].add(roster.observed_at)
        moments[roster.account_id] |= set(map(datetime.fromisoformat, roster.seen_again_at))
    told: dict[int, list[datetime]] = {}
    seats = Seat.objects.order_by().values_list("account_id", "account__parent_id").distinct()
    for account_id, parent_id in seats:
        if some := moments.get(account_id, set()) | moments.get(parent_id or 0, set()):
            told[account_id] = sorted(some)
    return told


def _shown(history: list[tuple[datetime, bool]], moments: list[datetime]) -> set[date]:
    """The first and the last of these moments at which a seat with this history was shown."""
    ends = [at for at, _ in history[1:]] + [datetime.max.replace(tzinfo=UTC)]
    shown = [
        at
        for (since, is_present), until in zip(history, ends, strict=True)
        if is_present
        for at in moments
        if since <= at < until
    ]
    return {shown[0].date(), shown[-1].date()} if shown else set()


# --- Writing ----------------------------------------------------------------------------------


def _write_logins(doubt: Doubt, keys: Mapping[int, int]) -> None:
    rows = UserLogin.objects.filter(user__github_id__among={github_id for github_id, _ in doubt.logins})
    gone: list[int] = []
    narrowed: list[tuple[object, ...]] = []
    touched: set[str] = set()
    users: set[int] = set()
    for row in rows.select_related("user"):
        key = (row.user.github_id or 0, row.login_key)
        if key not in doubt.logins:
            continue
        seen = doubt.seen.get(key)
        if seen is None:
            gone.append(row.pk)
        elif (seen.first, seen.last) != (row.first_seen_on, row.last_seen_on) or (
            seen.login and seen.login != row.login
        ):
            narrowed.append((seen.login or row.login, seen.first, seen.last, row.pk))
        else:
            continue
        touched.add(row.login_key)
        users.add(row.user_id)
    UserLogin.objects.filter(pk__among=set(gone)).delete()
    update_values(UserLogin, ["login", "first_seen_on", "last_seen_on"], narrowed)
    _show_newest(users)
    activity_seats.give_anew(touched)
    billed_people.settle(touched)


def _show_newest(user_ids: Collection[int]) -> None:
    borne: dict[int, list[UserLogin]] = defaultdict(list)
    for row in UserLogin.objects.filter(user_id__among=set(user_ids)):
        borne[row.user_id].append(row)
    shown = dict(GitHubUser.objects.filter(pk__among=set(borne)).order_by().values_list("pk", "login"))
    newest = {
        pk: max(rows, key=lambda row: (row.last_seen_on, row.login_key)).login for pk, rows in borne.items()
    }
    update_values(
        GitHubUser,
        ["login", "login_key"],
        [(login, login.lower(), pk) for pk, login in newest.items() if shown.get(pk) != login],
    )


def _write_evidence(doubt: Doubt, keys: Mapping[int, int]) -> None:
    used = {keys[one]: doubt.used_last.get(one) for one in doubt.used if one in keys}
    evidence.replace(Evidence.Source.USAGE_REPORT, used)
    settle_credits({keys[one]: doubt.credits_last.get(one) for one in doubt.credits if one in keys})


def settle_credits(told: Mapping[int, date | None]) -> None:
    """Set the newest day of AI credits of these people: what is given, or a bill if that is later."""
    billed = BillingLine.objects.filter(
        report=billed_people.CREDITS, quantity__gt=0, user_id__among=set(told)
    ).order_by()
    newest = dict(billed.values("user_id").annotate(last=Max("day")).values_list("user_id", "last"))
    evidence.replace(
        Evidence.Source.AI_CREDITS,
        {
            pk: max((day for day in (said, newest.get(pk)) if day is not None), default=None)
            for pk, said in told.items()
        },
    )


def _write_names(doubt: Doubt, tellings: list[tuple[datetime, Memory]]) -> None:
    """Names are told anew by the other lists; where one of them is no longer kept the name stays."""
    if not doubt.names or any(_moments_without_files().values()):
        return
    GitHubUser.objects.filter(github_id__among=doubt.names).update(
        name="", email="", name_told_at=None, email_told_at=None
    )
    for at, memory in sorted(tellings, key=lambda one: one[0]):
        people_names.note((one for one in memory.tellings if one.github_id in doubt.names), at)


def _teams(keys: Collection[TeamKey]) -> dict[TeamKey, Team]:
    """Those of these teams that GitHub did not list to us itself."""
    teams = Team.objects.filter(github_id__among={team_id for _, team_id in keys}, listed_at=None)
    return {key: team for team in teams if (key := (team.account_id, team.github_id)) in keys}


def _write_teams(doubt: Doubt) -> None:
    changed = []
    hears_all = not any(_moments_without_files().values())
    for key, team in _teams(doubt.teams).items():
        if slugs := doubt.slugs.get(key):
            _, day, slug = max((bool(slug), day, slug) for slug, day in slugs.items())
            team.slug, team.slug_seen_on = slug, day
            team.former_slugs = sorted({*slugs} - {slug, ""})
            if hears_all or key in doubt.team_names:
                *_, team.name = doubt.team_names.get(key, ("",))
            changed.append(team)
    update_rows(changed, ["slug", "slug_seen_on", "former_slugs", "name"])


# --- Whom nobody else tells of ----------------------------------------------------------------

# Reckoned from facts, and gone with them.
DERIVED = ("metrics.UserWindow", "metrics.Restatement", "seats.Evidence")


def forget_strangers(told: Memory, doubt: Doubt) -> None:
    """Remove people and teams that only the undone file ever told of. Nothing may refer to them any more."""
    strangers = {team.pk for key, team in _teams(doubt.teams).items() if key not in doubt.slugs}
    teams = Team.objects.filter(pk__in=strangers, members_read_at=None)
    for model in (TeamRoster, SeatGrant, TeamMembership):
        name = "assigning_team_id" if model is SeatGrant else "team_id"
        teams = teams.exclude(pk__in=model._default_manager.exclude(**{name: None}).order_by().values(name))
    _delete_unreferenced(Team, set(teams.values_list("pk", flat=True)))
    ids = {github_id for github_id, _ in told.logins}
    unknown = GitHubUser.objects.filter(github_id__among=ids, logins=None)
    nobody = GitHubUser.objects.provisional().filter(activity_lines=None, seats=None)
    keys = set((unknown | nobody).filter(contact_email="").values_list("pk", flat=True).distinct())
    if keys:
        for members in TeamRoster.objects.order_by().values_list("members", flat=True).iterator():
            keys -= set(TeamRoster(members=members).user_keys)
    _delete_unreferenced(GitHubUser, keys)


def _delete_unreferenced(model: type[Team] | type[GitHubUser], keys: set[int]) -> None:
    for relation in model._meta.related_objects:
        other, name = relation.related_model, relation.field.name
        if not keys or relation.many_to_many:
            return
        if other._meta.label in DERIVED:
            continue
        rows = other._base_manager.filter(**{f"{name}__among": keys}).order_by()
        keys -= set(rows.values_list(f"{name}_id", flat=True).distinct())
    for some in evidence.chunks(sorted(keys)):
        model._default_manager.filter(pk__in=some).delete()
