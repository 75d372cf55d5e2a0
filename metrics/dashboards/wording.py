"""How figures read within a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

# A difference smaller than a thousandth of a percent is none worth a sentence.
_DECIMALS = range(4)
WHOLE = 100


def percent(rate: Decimal, decimals: int = 0) -> str:
    """0.314 reads 31 %; with a decimal 31.4 %. What is not nothing or not all does not read so."""
    step = Decimal(1).scaleb(-decimals)
    shown = (rate * WHOLE).quantize(step, ROUND_HALF_UP)
    if not shown and rate:
        return f"less than {step} %"
    if shown == WHOLE and rate < 1:
        return f"more than {WHOLE - step} %"
    return f"{shown:,} %"


def percents(*rates: Decimal) -> tuple[str, ...]:
    """The same with as few decimals as tell different rates apart."""
    for decimals in _DECIMALS:
        read = tuple(percent(rate, decimals) for rate in rates)
        if len(set(read)) == len(set(rates)):
            break
    return read


def moved(subject: str, before: Decimal | None, now: Decimal | None, since: str) -> str:
    """As in: Agent use grew from 31 % to 38 % (since …). Nothing where either rate is unknown."""
    if before is None or now is None:
        return ""
    was, is_now = percents(before, now)
    if was == is_now:
        return f"{subject} stayed at {is_now} ({since})."
    verb = "grew" if now > before else "fell"
    return f"{subject} {verb} from {was} to {is_now} ({since})."


def several(number: int, one: str, many: str) -> str:
    """1 person, 1,234 people."""
    return f"{number:,} {one if number == 1 else many}"


def listed(names: Sequence[str]) -> str:
    """One, one and two, or one, two and three."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def led(names: Sequence[str], one: str, many: str) -> str:
    """Go was … of a leader, Go and Rust were … of equals; nothing where too many share the lead."""
    if not 0 < len(names) <= 3:
        return ""
    return f"{listed(names)} {one if len(names) == 1 else many}"


def compared_with(days: int) -> str:
    """What a figure is compared with: the period of the same length before."""
    return "compared with the day before" if days == 1 else f"compared with the {days} days before"
