"""Compare a roster's seats with ours and write the difference."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from portal.bulk import insert_rows
from seats.models import GitHubUser, SeatGrant
from seats.roster.holding import Holding
from seats.roster.reported import Applied, Roster
from seats.roster.seat_rows import Changes, Key, SeatRow, insert
from seats.roster.timelines import Said, Timeline


def write(
    roster: Roster,
    holdings: Mapping[Key, Holding],
    ours: Mapping[Key, SeatRow],
    timeline: Timeline,
    applied: Applied,
) -> None:
    """Make these seats say what the roster says; whom it leaves out of `ours` it does not show.

    `applied` counts what became of each grant and whose seats ended.
    """
    timeline.load(ours.values())
    changes = Changes(ours.values())
    new: list[SeatRow] = []
    regranted: list[tuple[SeatRow, Holding]] = []
    said: list[Said] = []
    for key, holding in holdings.items():
        state = holding.state()
        row = ours.get(key)
        if row is None:
            row = _new(key, holding, roster)
            new.append(row)
            regranted.append((row, holding))
            applied.new += len(holding.grants)
        else:
            wins = timeline.wins(row, state)
            is_same = state == timeline.current_state(row)
            if wins and not is_same:
                regranted.append((row, holding))
            _count(applied, len(holding.grants), is_same=is_same, wins=wins)
            _take(row, holding, roster, wins=wins)
        said.append(Said(row, True, state))
    if roster.is_whole:
        absent = [row for key, row in ours.items() if key not in holdings and row.observed_at is not None]
        said += [Said(row, False, {}) for row in absent]
    settle_endings([*ours.values(), *new], timeline, applied)
    insert(new)
    changes.write()
    _write_grants(regranted, {row.pk for row in new})
    timeline.write(said)


def _new(key: Key, holding: Holding, roster: Roster) -> SeatRow:
    at = roster.observed_at
    return SeatRow(
        0,
        *key,
        first_seen_at=at,
        last_seen_at=at,
        observed_at=at,
        file_id=_file_id(roster, holding),
        plan_type=holding.plan_type,
        created_at=holding.created_at,
        last_activity_at=holding.last_activity_at,
        last_activity_editor=holding.last_activity_editor,
        last_authenticated_at=holding.last_authenticated_at,
        pending_cancellation_date=holding.pending_cancellation_date,
        granted_by=holding.granted_by,
        assigning_team_id=holding.assigning_team_pk,
    )


def _take(row: SeatRow, holding: Holding, roster: Roster, *, wins: bool) -> None:
    if row.observed_at is None:
        # Until now only activity reports knew it: what they said stays with their lines.
        row.last_activity_at = row.last_authenticated_at = None
    if wins:
        row.take(holding, roster.observed_at, _file_id(roster, holding))
    row.remember(holding, roster.observed_at)


def _count(applied: Applied, grants: int, *, is_same: bool, wins: bool) -> None:
    if is_same:
        applied.unchanged += grants
    elif wins:
        applied.changed += grants
    else:
        applied.superseded += grants


def settle_endings(rows: Collection[SeatRow], timeline: Timeline, applied: Applied) -> None:
    """A seat ends with the first whole roster after the last file that shows it."""
    ended: list[int] = []
    for row in rows:
        ended_at = timeline.ended_at(row)
        if ended_at is not None and row.ended_at is None:
            ended.append(row.user_id)
        row.ended_at = ended_at
    logins = dict(GitHubUser.objects.filter(pk__among=set(ended)).order_by().values_list("pk", "login"))
    applied.ended += [logins[user_id] for user_id in ended]


def _write_grants(regranted: Sequence[tuple[SeatRow, Holding]], new: Collection[int]) -> None:
    SeatGrant.objects.filter(seat_id__among={row.pk for row, _ in regranted if row.pk not in new}).delete()
    insert_rows(
        SeatGrant,
        [
            "seat_id", "route", "assigning_team_id", "team_key",
            "plan_type", "created_at", "pending_cancellation_date",
        ],
        [values for row, holding in regranted for values in _grants_of(row, holding)],
    )  # fmt: skip


def _grants_of(row: SeatRow, holding: Holding) -> Iterable[tuple[object, ...]]:
    """One row for each way in which the seat is granted."""
    rows = {
        granted: (
            row.pk,
            granted.route,
            granted.team_pk,
            granted.team_pk or 0,
            grant.plan_type,
            grant.created_at,
            grant.pending_cancellation_date,
        )
        for grant, granted in zip(holding.grants, holding.granted, strict=True)
    }
    return rows.values()


def _file_id(roster: Roster, holding: Holding) -> int | None:
    file = roster.file_of(holding.grants[0].assignee_id)
    return file.pk if file else None
