"""What is stored of an account's usual periods: sums of breakdowns, and the sets of who did something."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress

from django.db import connection

from metrics.breakdowns import DamagedBlob
from metrics.figures.often import Often
from metrics.figures.scope import Scope
from metrics.models import PeriodPart
from metrics.period_parts import (
    ACTIVITY,
    MONTHS,
    PHASES,
    TEAMS,
    TRAILING,
    Activity,
    Counts,
    Phases,
    Stepped,
    Summed,
    TeamStep,
    Users,
    activity_in,
    counts_in,
    phases_in,
    stepped_in,
    steps_of,
    sums_of,
    team_of,
    team_steps_in,
    users_in,
    users_of,
)
from metrics.periods import Period
from portal.bytes_as_they_are import bytes_as_they_are

# What each person's newest clients are: of each editor the one they had last.
NEWEST_CLIENTS = "last:client:"
# On how many days people were active: the digits of that number, written in binary.
OFTEN = "often:"
# Those that sets are put together by; "" are the kinds without a name.
FAMILIES = ("", "feature:", "ide:", "language:", "model:")
# Those that pages show step by step.
STEPPED = ("", "ide:")


def family_of(kind: str) -> str:
    """The family of a kind: "language:" of "language:python", "" of "chat"."""
    family, colon, _ = kind.partition(":")
    return f"{family}:" if colon else ""


def stored_sums(scope: Scope, period: Period, dimensions: Collection[str]) -> dict[str, Summed] | None:
    """The breakdowns of just this period; None unless all of them are stored."""
    blobs = _blobs(scope, period, [sums_of(dimension) for dimension in dimensions])
    with suppress(DamagedBlob, KeyError):
        return {dimension: Summed(period.first, blobs[sums_of(dimension)]) for dimension in dimensions}
    return None


def stored_users(scope: Scope, period: Period, families: Collection[str]) -> dict[str, Users] | None:
    """By kind who did it in just this period; None unless all of these families are stored."""
    blobs = _blobs(scope, period, [users_of(family) for family in families])
    found: dict[str, Users] = {}
    with suppress(DamagedBlob, KeyError):
        for family in families:
            found |= users_in(blobs[users_of(family)])
        return found
    return None


def stored_often(scope: Scope, period: Period) -> Often | None:
    """On how many days of just this period each was active."""
    digits = stored_users(scope, period, [OFTEN])
    return None if digits is None else Often.of(digits[str(place)].users for place in range(len(digits)))


def stored_counts(scope: Scope, period: Period, kinds: Collection[str]) -> list[list[Counts]] | None:
    """Of each kind, and each day of just this period, how many did it on it, and in the 7 and 28 days that
    end with it.
    """
    blobs = _blobs(scope, period, [TRAILING])
    with suppress(DamagedBlob, KeyError):
        return counts_in(blobs[TRAILING], kinds)
    return None


def stored_steps(scope: Scope, period: Period, family: str) -> Stepped | None:
    """How many did what in each usual step of just this period; None where the family is not stored so."""
    if family not in STEPPED:
        return None
    blobs = _blobs(scope, period, [steps_of(family)])
    with suppress(DamagedBlob, KeyError):
        return stepped_in(blobs[steps_of(family)])
    return None


def stored_months(scope: Scope, period: Period) -> Stepped | None:
    """The same of the months that just this period touches; of the kinds without a name."""
    blobs = _blobs(scope, period, [MONTHS])
    with suppress(DamagedBlob, KeyError):
        return stepped_in(blobs[MONTHS])
    return None


def stored_phases(scope: Scope, period: Period) -> Phases | None:
    """How many were in which phase as of the day before just this period, and as of each of its days."""
    blobs = _blobs(scope, period, [PHASES])
    with suppress(DamagedBlob, KeyError):
        return phases_in(blobs[PHASES])
    return None


def stored_activity(scope: Scope, period: Period) -> dict[int, Activity] | None:
    """By phase what its people did in just this period."""
    blobs = _blobs(scope, period, [ACTIVITY])
    with suppress(DamagedBlob, KeyError):
        return activity_in(blobs[ACTIVITY])
    return None


def stored_team_steps(
    scope: Scope, period: Period, team_keys: Collection[int]
) -> dict[int, list[TeamStep]] | None:
    """By key of a team what it did in each usual step of just this period; teams never told of are left out.

    None where the teams of the period are not stored.
    """
    blobs = _blobs(scope, period, [TEAMS, *map(team_of, team_keys)])
    if TEAMS not in blobs:
        return None
    with suppress(DamagedBlob):
        return {key: team_steps_in(blobs[part]) for key in team_keys if (part := team_of(key)) in blobs}
    return None


def _blobs(scope: Scope, period: Period, parts: Collection[str]) -> Mapping[str, bytes | memoryview]:
    if scope.team is not None:
        return {}
    table, blob = map(connection.ops.quote_name, (PeriodPart._meta.db_table, "blob"))
    wanted = ", ".join(["%s"] * len(parts))
    with bytes_as_they_are(), connection.cursor() as cursor:
        # As text, since nearly every panel asks it.
        cursor.execute(
            f"SELECT part, {blob} FROM {table} WHERE account_id = %s"  # noqa: S608 - names and constants
            f" AND last = %s AND first = %s AND part IN ({wanted})",
            [scope.account.pk, str(period.last), str(period.first), *parts],
        )
        return dict(cursor.fetchall())
