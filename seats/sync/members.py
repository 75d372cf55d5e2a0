"""Who belongs to an organization today: taken over whole, so that who left and still holds a seat shows."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from portal.bulk import update_rows
from portal.github.client import GitHub
from portal.github.payloads import Member
from seats.accounts import lock
from seats.evidence import chunks
from seats.models import Account, Listing, OrganizationMembership
from seats.sync.lists import doubt, meet_people, read_by_id
from seats.sync.tally import Reporter, Tally

Role = OrganizationMembership.Role


def sync(account: Account, github: GitHub, run: Reporter) -> Tally:
    """Make our members of this organization those that GitHub lists.

    Raises portal.github's errors; nothing is written then.
    """
    tally = Tally.since_now(github)
    run.progress(0, None, "members")
    members = read_by_id(lambda: github.members(account.login), _known(account))
    # The list does not say who owns the organization; the list of its owners does.
    owners = read_by_id(lambda: github.members(account.login, role="admin"), _known(account, role=Role.ADMIN))
    run.should_stop()
    _write(account, members, set(owners), timezone.now(), tally)
    tally.count(github)
    return tally


def _known(account: Account, **conditions: str) -> set[int]:
    people = OrganizationMembership.objects.filter(account=account, **conditions)
    return {one for one in people.values_list("user__github_id", flat=True) if one is not None}


@transaction.atomic
def _write(
    account: Account, members: dict[int, Member], owners: set[int], now: datetime, tally: Tally
) -> None:
    # One writer per account at a time.
    lock(Q(pk=account.pk))
    listing, _ = Listing.objects.get_or_create(account=account, what=Listing.What.MEMBERS)
    held = {row.user_id: row for row in OrganizationMembership.objects.filter(account=account)}
    tally.rows_seen = len(members)
    if not members and (held or listing.read_at is None) and doubt(listing.empty_since, now):
        # Somebody always owns an organization, so nobody at all is hardly an answer.
        listing.empty_since = listing.empty_since or now
        listing.save()
        tally.say(f"GitHub listed nobody in {account.label}: the members stay as they were known.")
        return
    keys = meet_people(members, now)
    roles = {keys[one]: Role.ADMIN if one in owners else Role.MEMBER for one in members}
    new = [
        OrganizationMembership(account=account, user_id=key, role=role, first_seen_at=now)
        for key, role in roles.items()
        if key not in held
    ]
    changed = [row for key, row in held.items() if key in roles and row.role != roles[key]]
    for row in changed:
        row.role = roles[row.user_id]
    for doomed in chunks([row.pk for key, row in held.items() if key not in roles]):
        gone = OrganizationMembership.objects.filter(pk__in=doomed)
        tally.ended += gone.values_list("user__login", flat=True)
        gone.delete()
    OrganizationMembership.objects.bulk_create(new, batch_size=500)
    update_rows(changed, ["role"])
    tally.rows_new, tally.rows_changed, tally.rows_ended = len(new), len(changed), len(tally.ended)
    tally.rows_unchanged = len(roles) - len(new) - len(changed)
    listing.read_at, listing.rows, listing.empty_since = now, len(roles), None
    listing.save()
