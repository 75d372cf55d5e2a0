"""Who holds a seat, as GitHub lists it now: fetched whole, then applied as one roster or not at all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC
from itertools import count

from django.db import transaction
from django.utils import timezone

from portal import jobs, kept_files
from portal.bulk import collector_paused
from portal.github import payloads
from portal.github.client import GitHub, SeatList
from portal.models import RejectedLine, ReportFile
from portal.models.rejected_line import readable
from seats import roster, verdicts
from seats.accounts import WrongAccount, meet, meet_current
from seats.connecting import target_of
from seats.models import Account, Seat
from seats.reclaim import verify
from seats.roster import Applied, ReportedGrant, Roster
from seats.sync.tally import Reporter, Tally

# A list that changed while it was read is read again, this often in all.
READINGS = 3
KIND = "seats"
NAME = 255


def sync(account: Account, github: GitHub, run: Reporter) -> Tally:
    """Make our seats those that GitHub lists for this account.

    Raises portal.github's errors, and jobs.Refused where the answer cannot be believed; no seat is
    touched then.
    """
    tally = Tally.since_now(github)
    seen = _read(account, github, run, tally)
    run.should_stop()
    tally.count(github)
    tally.rows_seen, tally.rows_rejected = len(seen.seats) + len(seen.broken), len(seen.broken)
    run.progress(tally.rows_seen, tally.rows_seen, "comparing")
    try:
        with collector_paused():
            applied = _take_in(account, seen)
    except WrongAccount as error:
        raise jobs.Refused(str(error)) from error
    tally.rows_new, tally.rows_changed = applied.new, applied.changed
    tally.rows_unchanged = len(seen.seats) - applied.new - applied.changed
    tally.ended, tally.rows_ended = applied.ended, len(applied.ended)
    _look_after_revocations(account, tally)
    _say_what_is_open(account, seen, applied, tally)
    return tally


# --- Reading ----------------------------------------------------------------------------------


def _read(account: Account, github: GitHub, run: Reporter, tally: Tally) -> SeatList:
    """The list, read again where it shifted under the reading or is suddenly empty."""
    held = Seat.objects.held().of_family(account).filter(observed_at__isnull=False).exists()
    for reading in range(1, READINGS + 1):
        note = "" if reading == 1 else f"reading {reading}"
        seen = github.seats(target_of(account), lambda page, pages, n=note: run.progress(page, pages, n))  # type: ignore[misc]
        if not _is_doubtful(seen, held):
            break
    else:
        reading = READINGS
    if reading > 1:
        tally.say(f"The list was read {reading} times: it changed, or was not whole, while it was read.")
    return seen


def _is_doubtful(seen: SeatList, held: bool) -> bool:
    """Whether another reading may tell more. What GitHub hides, or nobody can read, stays so."""
    if not seen.seats and not seen.broken:
        return held
    return not seen.is_partial and seen.total != seen.people + len(seen.broken)


def is_whole(seen: SeatList) -> bool:
    """Every page tells the same total, and that many different people are listed.

    The seat of a person who was deleted has no `assignee`: it is counted, and nobody of ours holds it.
    """
    nobodys = sum(payloads.is_nobodys(element.raw) for element in seen.broken)
    only_theirs = nobodys == len(seen.broken) and not seen.is_partial
    return seen.is_complete or (only_theirs and seen.total == seen.people + nobodys)


# --- Writing ----------------------------------------------------------------------------------


@transaction.atomic
def _take_in(account: Account, seen: SeatList) -> Applied:
    scope = meet_accounts(account, seen.seats)
    is_complete = is_whole(seen)
    if seen.broken and not is_complete and _was_taken_in(scope, seen):
        # Such a list is never the standing one; without this it would be written again every hour.
        return Applied(unchanged=len(seen.seats), is_repeat=True)
    file = _file(scope, seen, is_complete)
    file.save()
    applied = roster.apply(
        Roster(
            scope=scope,
            observed_at=seen.observed_at,
            grants=reported(seen.seats, {element.number for element in seen.broken}),
            is_complete=is_complete,
            is_confirmed=is_complete,
            is_unattended=True,
            file=file,
        )
    )
    if applied.is_repeat and not _has_new_rejects(scope, seen):
        # The same list again leaves no file. Nothing refers to this one yet.
        ReportFile.objects.filter(pk=file.pk).delete()
        return applied
    _keep(file, seen, applied)
    if not applied.is_repeat:
        verdicts.refresh(accounts=applied.accounts)
    return applied


def meet_accounts(account: Account, seats: Iterable[payloads.Seat]) -> Account:
    """The organizations that granted these seats, as they are called today; returns the list's own account.

    An organization in an enterprise's list belongs to the enterprise.
    """
    parent = account if account.kind == Account.Kind.ENTERPRISE else None
    named = {(one.organization_id or 0, one.organization_login) for one in seats}
    known = Account.objects.organizations().filter(parent=parent).values_list("github_id", "login")
    for github_id, login in sorted(named.difference(known)):
        if parent is not None:
            if github_id and login:
                meet_current(Account.Kind.ORGANIZATION, login=login, github_id=github_id, parent=parent)
            elif github_id or login:
                meet(Account.Kind.ORGANIZATION, login=login, github_id=github_id or None, parent=parent)
        elif github_id and account.github_id in (None, github_id):
            account = meet_current(
                Account.Kind.ORGANIZATION, login=login or account.login, github_id=github_id
            )
        elif github_id:
            raise WrongAccount(
                f"{account.label} was the organization with the id {account.github_id}; today its seats are "
                f"of the one with the id {github_id}: the login has changed hands. Nothing was taken in; "
                "connect the organization under its login of today."
            )
    return account


def reported(seats: Iterable[payloads.Seat], left_out: Collection[int] = ()) -> list[ReportedGrant]:
    """The elements that can be read, by their numbers in the list; `left_out` are the others' numbers.

    A list that shifted while it was read shows some of them twice: the first counts.
    """
    numbers = (number for number in count(1) if number not in left_out)
    grants: dict[tuple[int, int | None, str, int | None], ReportedGrant] = {}
    for number, seat in zip(numbers, seats, strict=False):
        key = (seat.assignee_id, seat.organization_id, seat.organization_login, seat.team_id)
        if key not in grants:
            grants[key] = ReportedGrant.of(number, seat)
    return list(grants.values())


def _file(account: Account, seen: SeatList, is_complete: bool) -> ReportFile:
    """The record of this list, as of an uploaded one; what it says of its account outlives a new login."""
    named = str(account.github_id) if account.github_id else account.login.lower()
    is_enterprise = account.kind == Account.Kind.ENTERPRISE
    return ReportFile(
        source=ReportFile.Source.DOWNLOAD,
        kind=KIND,
        subject=account.subject,
        name=f"{account.label}-seats-{seen.observed_at.astimezone(UTC):%Y-%m-%dT%H%MZ}.json"[-NAME:],
        size=0,
        observed_at=seen.observed_at,
        is_complete=is_complete,
        options={
            "organization": "" if is_enterprise else named,
            "enterprise": named if is_enterprise else "",
            "taken_at": seen.observed_at.isoformat(),
            "complete": is_complete,
        },
        state=ReportFile.State.DONE,
    )


def _has_new_rejects(account: Account, seen: SeatList) -> bool:
    """Whether elements cannot be read that no earlier list told of."""
    if not seen.broken:
        return False
    known = RejectedLine.objects.open().filter(file__subject=account.subject, file__kind=KIND)
    return not {readable(element.raw) for element in seen.broken} <= set(known.values_list("line", flat=True))


def _was_taken_in(account: Account, seen: SeatList) -> bool:
    """Whether the newest list taken in of this account is the same, byte for byte."""
    files = ReportFile.objects.accepted().filter(subject=account.subject, kind=KIND)
    newest = files.order_by("-observed_at", "-pk").values_list("sha256", flat=True).first()
    return newest is not None and newest == kept_files.digest(_lines(seen))[0]


def _lines(seen: SeatList) -> Iterator[bytes]:
    """The pages as GitHub sent them, one a line."""
    for page in seen.raw_pages:
        yield page
        yield b"\n"


def _keep(file: ReportFile, seen: SeatList, applied: Applied) -> None:
    """Keep the pages, with what became of them."""
    file.sha256, file.size, file.kept_path = kept_files.keep(_lines(seen))
    file.rows_new, file.rows_changed = applied.new, applied.changed
    file.rows_superseded, file.rows_rejected = applied.superseded, len(seen.broken)
    file.rows_read = len(seen.seats) + len(seen.broken)
    # What a page showed a second time says nothing new either.
    file.rows_unchanged = len(seen.seats) - applied.new - applied.changed - applied.superseded
    file.finished_at = timezone.now()
    file.save()
    RejectedLine.objects.bulk_create(
        (
            RejectedLine(
                file=file, line_number=element.number, reason=element.reason, line=readable(element.raw)
            )
            for element in seen.broken
        ),
        batch_size=200,
    )
    # The same element again is rejected once, under the newest list.
    older = RejectedLine.objects.open().filter(file__subject=file.subject, file__kind=KIND)
    older.filter(file__source=file.source).exclude(file=file).delete()


# --- Telling ----------------------------------------------------------------------------------


def _say_what_is_open(account: Account, seen: SeatList, applied: Applied, tally: Tally) -> None:
    """What an admin must know of this list; raises jobs.Refused where it cannot be believed."""
    if applied.held_back and not seen.seats:
        raise jobs.Refused(
            f"GitHub listed no seat at all of {account.label}, where {_seats(applied.held_back)} are held: "
            "nothing was ended. If it is true, confirm the list under Seat rosters."
        )
    if applied.held_back:
        tally.say(
            f"{_seats(applied.held_back)} are missing from GitHub's list, too many to end unseen: nothing "
            "was ended. They end when a list an hour later still lacks them, or when somebody confirms this "
            "one under Seat rosters."
        )
    if seen.broken:
        tally.say(f"{len(seen.broken):,} of the list's elements cannot be read; see Rejected lines.")
    if not is_whole(seen):
        tally.say(f"The list is not whole, {seen.shortfall}: seats were added and changed, none was ended.")


def _look_after_revocations(account: Account, tally: Tally) -> None:
    """What the list says of the seats that were taken back; the account may have been joined meanwhile."""
    for known in Account.objects.filter(pk=account.pk):
        found = verify.after_roster(known)
        if found["verified"]:
            tally.say(f"{_seats(found['verified'])} that were taken back: the list bears it out.")
        if found["came_back"]:
            tally.say(f"{_seats(found['came_back'])} that were taken back are there again.")


def _seats(number: int) -> str:
    return "1 seat" if number == 1 else f"{number:,} seats"
