"""Whether what we hear of an account proves that a seat was not used.

Two chains tell of use, and each is blind where the other sees. Seat lists carry `last_activity_at`, which
needs telemetry in the IDE: somebody who switched it off looks as if they had never used their seat. Usage
reports also know people from GitHub's servers alone, but a day whose report is missing tells of nobody. So
absence is proved

- by usage reports of every day within the policy's idle days, each of which could be read whole, and no
  sign-in since the newest of them; for somebody of whom the seat list has told a use before, three may be
  missing or have lines that cannot be read, since the list would tell of the next use, too;
- where the policy needs no usage reports, and none come, by the seat list alone: it told a use, and no
  sign-in since; or it tells sign-ins of others, and none of this person.

Pure: no database, no clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from seats.evidence import SourceLiveness
from seats.models import InactivityPolicy
from seats.policy import GITHUB_REMEMBERS_DAYS
from seats.reclaim.refusals import Brake, Refusal

# A source may be silent for so long; yesterday's reports may still be on their way.
SILENT_DAYS = 3
_YESTERDAY = timedelta(days=1)
_LAG = timedelta(days=SILENT_DAYS + 1)
# A day's report is there two full days after the day.
_ON_THE_WAY = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Signs:
    """What the seat list knows of a person: the last use and the last sign-in that it told."""

    activity_on: date | None
    sign_in_on: date | None

    @property
    def is_unexplained(self) -> bool:
        """Whether the person signed in after the last use, and so may have used it since."""
        if self.sign_in_on is None:
            return False
        return self.activity_on is None or self.sign_in_on > self.activity_on


@dataclass(frozen=True, slots=True)
class Liveness:
    """What the sources beside the seat lists tell on a day, and whether the lists tell sign-ins at all."""

    as_of: date
    sources: Sequence[SourceLiveness]
    tells_sign_ins: bool

    def silence(self, policy: InactivityPolicy) -> Refusal | None:
        """Whether a source that this policy relies on, or that told until lately, tells no more."""
        needed = self._needed(policy)
        if policy.needs_usage_reports and not self.sources:
            return Refusal.of(Brake.SILENT_SOURCE, "There are no usage reports.")
        if off := next((source for source in needed if source.is_off), None):
            return Refusal.of(Brake.SOURCE_SWITCHED_OFF, off.says)
        return next((self._silent(source) for source in needed if self._is_silent(source)), None)

    def absence(self, policy: InactivityPolicy, signs: Signs) -> Refusal | None:
        """Why all this does not prove that a seat was not used within the policy's idle days."""
        telling = [source for source in self.sources if not source.is_off and not self._is_silent(source)]
        if telling:
            refusals = [self._by_reports(source, policy, signs) for source in telling]
            if None in refusals:
                return None
            if policy.needs_usage_reports:
                return refusals[0]
        if policy.needs_usage_reports:
            return Refusal.of(Brake.SILENT_SOURCE)
        return self._by_the_list_alone(signs)

    def _by_reports(self, source: SourceLiveness, policy: InactivityPolicy, signs: Signs) -> Refusal | None:
        told, tolerated = source.told_on, SILENT_DAYS
        if signs.activity_on is None:
            told, tolerated = told - source.flawed_on, 0
        missing = [day for day in self._window(policy) if day not in told]
        if len(missing) > tolerated:
            return self._days_missing(missing, policy)
        newest = max(told, default=None)
        if (
            signs.is_unexplained
            and signs.sign_in_on is not None
            and (newest is None or signs.sign_in_on > newest)
        ):
            return Refusal.of(
                Brake.UNKNOWN,
                f"Signed in on {signs.sign_in_on}: usage reports have yet to tell whether it was used since.",
            )
        return None

    def _by_the_list_alone(self, signs: Signs) -> Refusal | None:
        if signs.activity_on is None and signs.sign_in_on is None:
            if self.tells_sign_ins:
                return None
            return Refusal.of(
                Brake.UNKNOWN,
                "No use is known, and the seat lists tell of nobody's sign-ins: with telemetry off, a daily "
                "user looks the same.",
            )
        if signs.is_unexplained:
            return Refusal.of(
                Brake.UNKNOWN,
                f"Signed in on {signs.sign_in_on}, and no use is known since: with telemetry off, a daily "
                "user looks the same, and no usage reports tell.",
            )
        return None

    def _needed(self, policy: InactivityPolicy) -> Sequence[SourceLiveness]:
        """Sources whose silence means something: without need of them, those that told until lately."""
        if policy.needs_usage_reports:
            return self.sources
        since = self.as_of - timedelta(days=GITHUB_REMEMBERS_DAYS)
        return [one for one in self.sources if one.last_heard_on is not None and one.last_heard_on >= since]

    def _is_silent(self, source: SourceLiveness) -> bool:
        return source.last_heard_on is None or source.last_heard_on < self.as_of - _LAG

    def _silent(self, source: SourceLiveness) -> Refusal:
        if source.last_heard_on is None:
            return Refusal.of(Brake.SILENT_SOURCE, source.says)
        days = (self.as_of - _YESTERDAY - source.last_heard_on).days
        return Refusal.of(Brake.SILENT_SOURCE, f"{source.says} It has been silent for {days} days.")

    def _window(self, policy: InactivityPolicy) -> Iterator[date]:
        """The days on which a use would make the seat active, but for those still on their way."""
        day, last = self.as_of - timedelta(days=policy.idle_days), self.as_of - _ON_THE_WAY
        while day <= last:
            yield day
            day += _YESTERDAY

    def _days_missing(self, missing: Sequence[date], policy: InactivityPolicy) -> Refusal:
        count = f"{len(missing)} of the last {policy.idle_days} days"
        return Refusal.of(
            Brake.SILENT_SOURCE,
            f"Usage reports of {count} are missing or cannot be read whole, the first of {missing[0]}: a use "
            "on such a day would not be known.",
        )
