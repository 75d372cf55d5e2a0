"""Every seat list ever taken in: when it was true, and whether it was all there was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import models
from django.db.models import F, Q

from portal.models import ReportFile
from seats.models.account import Account


class SeatRosterQuerySet(models.QuerySet["SeatRoster"]):
    def complete(self) -> SeatRosterQuerySet:
        return self.filter(is_complete=True)

    def ending(self) -> SeatRosterQuerySet:
        """Rosters whose silence ends a seat: complete, and confirmed to be so."""
        return self.filter(is_complete=True, is_confirmed=True)

    def held_back(self) -> SeatRosterQuerySet:
        """Complete rosters that would have ended too many seats at once, and wait for somebody's word."""
        return self.filter(held_back__gt=0, is_confirmed=False)

    def moments(self) -> list[datetime]:
        """When these rosters were true, sorted, each once; a roster seen again is true again."""
        found: set[datetime] = set()
        for observed_at, seen_again in self.order_by().values_list("observed_at", "seen_again_at"):
            found.add(observed_at)
            found.update(map(datetime.fromisoformat, seen_again))
        return sorted(found)

    def endings(self, accounts: Iterable[Account]) -> dict[int, list[datetime]]:
        """When seats of these accounts could end: the moments of their rosters whose silence ends a seat."""
        return self.ending().moments_by_account(accounts)

    def moments_by_account(self, accounts: Iterable[Account]) -> dict[int, list[datetime]]:
        """When the rosters covering each of these accounts were true, by its key, sorted, each once."""
        scopes = {
            account.pk: [pk for pk in (account.pk, account.parent_id) if pk is not None]
            for account in accounts
        }
        told: dict[int, set[datetime]] = defaultdict(set)
        asked = {pk for some in scopes.values() for pk in some}
        rosters = self.filter(account_id__in=asked).order_by()
        for account_id, observed_at, seen_again in rosters.values_list(
            "account_id", "observed_at", "seen_again_at"
        ):
            told[account_id].add(observed_at)
            told[account_id].update(map(datetime.fromisoformat, seen_again))
        return {pk: sorted(set().union(*(told[scope] for scope in some))) for pk, some in scopes.items()}

    def tellers(self) -> dict[int, list[ReportFile]]:
        """The files that are lists of the moments of these rosters, by the roster's key."""
        tellings = SeatRoster.told_by.through.objects.filter(seatroster__in=self.order_by()).order_by("pk")
        pairs = list(tellings.values_list("seatroster_id", "reportfile_id"))
        files = {one.pk: one for one in ReportFile.objects.filter(pk__among={pk for _, pk in pairs})}
        told: dict[int, list[ReportFile]] = defaultdict(list)
        for roster, file in pairs:
            told[roster].append(files[file])
        return told

    def covering(self, account: Account) -> SeatRosterQuerySet:
        """Rosters that would show a seat of this account: its own and its enterprise's."""
        return self.filter(Q(account=account) | Q(account_id=account.parent_id))


class SeatRoster(models.Model):
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="rosters")
    observed_at = models.DateTimeField()
    last_observed_at = models.DateTimeField(help_text="The same list was seen again, last at this moment.")
    # Every further moment at which the same list was seen, as ISO text: each says again who is not there.
    seen_again_at = models.JSONField(default=list, blank=True, editable=False)
    is_complete = models.BooleanField(
        help_text="Every page was there: the same total on each, equal to the people listed."
    )
    is_confirmed = models.BooleanField(
        default=False, help_text="It is the whole list: whoever is not on it holds no seat."
    )
    held_back = models.PositiveIntegerField(
        default=0, help_text="Seats it no longer lists: too many to end by themselves."
    )
    seats = models.PositiveIntegerField()
    digest = models.CharField(
        max_length=64, blank=True, editable=False, help_text="SHA-256 of all it says, in one order."
    )
    file = models.ForeignKey(ReportFile, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    told_by = models.ManyToManyField(
        ReportFile, blank=True, related_name="+", help_text="Every file that is a list of this moment."
    )
    # Lists of this moment that came as pages: the keys of the files of each.
    joined_files = models.JSONField(default=list, blank=True, editable=False)

    objects = SeatRosterQuerySet.as_manager()

    class Meta:
        ordering = ["account", "-observed_at"]
        permissions = [("confirm_seatroster", "Can end the seats that a held-back roster no longer lists")]
        constraints = [
            models.UniqueConstraint(fields=["account", "observed_at"], name="seats_roster_once_per_moment"),
            models.CheckConstraint(
                condition=Q(is_complete=True) | Q(is_confirmed=False),
                name="seats_roster_confirmed_only_when_complete",
            ),
            models.CheckConstraint(
                condition=Q(last_observed_at__gte=F("observed_at")),
                name="seats_roster_seen_again_after_it_was_seen",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} at {self.observed_at:%Y-%m-%d %H:%M}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        # It was seen once, unless somebody says otherwise.
        self.last_observed_at = self.last_observed_at or self.observed_at
        super().save(*args, **kwargs)

    def see_again(self, at: datetime) -> None:
        """The same list, later: one more moment at which it was true. Saved by the caller."""
        self.seen_again_at = [*self.seen_again_at, at.astimezone(UTC).isoformat()]
        self.last_observed_at = at

    def note_tellers(self, files: Sequence[ReportFile]) -> None:
        """These files are this list, or one of the same moment, each or all together; each may be undone."""
        through = SeatRoster.told_by.through
        tellings = [through(seatroster_id=self.pk, reportfile_id=file.pk) for file in files]
        through.objects.bulk_create(tellings, ignore_conflicts=True)
        pages = [file.pk for file in files]
        if len(pages) > 1 and pages not in self.joined_files:
            self.joined_files = [*self.joined_files, pages]
            self.save(update_fields=["joined_files"])


class CurrentRoster(models.Model):
    """The newest roster of an account, as long as every held seat stands as it says.

    It is dropped when anything else is taken in that tells of these seats. While it stands, the same list
    again is told by its digest, and a list with differences is compared with its content, not with rows.
    The seats' own `observed_at` and `last_seen_at` are moved on when it is dropped or replaced.
    """

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="current_roster")
    roster = models.OneToOneField(SeatRoster, on_delete=models.CASCADE, related_name="+")
    seats = models.PositiveIntegerField(help_text="How many seats it shows; several grants may be of one.")
    content = models.BinaryField(help_text="What it says, line by line, sorted and compressed.")
    logins_known_on = models.DateField(help_text="The sightings of its logins are written up to this day.")

    def __str__(self) -> str:
        return str(self.roster)
