"""Which page of a long list an address asks for."""

from __future__ import annotations

from metrics.dashboards.asked import Asked

# No list is read further than this.
LAST_PAGE = 100_000


def page_of(asked: Asked) -> int:
    """The number in `at`, from 1 on; the first page where it is none."""
    given = asked.params.get("at", "1")
    is_number = given.isascii() and given.isdecimal() and len(given) <= len(str(LAST_PAGE))
    return min(max(int(given), 1), LAST_PAGE) if is_number else 1
