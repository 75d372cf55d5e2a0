"""Panels of what has names (features, languages, models, editors): over time, in sum, by people, crossed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from metrics.dashboards.asked import Asked, Bucket
from metrics.dashboards.names import label
from metrics.dashboards.panel import Column, Drawing, Form, Kind, Panel, Value
from metrics.dashboards.wording import led, listed, percent, several
from metrics.figures import (
    Breakdown,
    Sums,
    day_sets,
    distinct,
    people_by_name,
    ratio,
    total,
)
from metrics.figures.by_name import is_told, sum_of, sum_of_counts, told_days
from metrics.figures.distinct import counts_by_name
from metrics.figures.first_seen import HISTORY, new_in
from metrics.periods import Period

# Series that can still be told apart; what has less is one more series, and a cross table has more columns.
SERIES = 7
CROSSED = 12
OTHER = Column("all_other", "All other")

# What stands in a name's place: it can be most of all, but it is none.
NAMELESS = frozenset(("auto", "others", "unknown"))

# Short names of GitHub's counters.
COUNTERS = {
    "user_initiated_interaction_count": Column("requests", "Requests"),
    "code_generation_activity_count": Column("generations", "Generations"),
    "code_acceptance_activity_count": Column("acceptances", "Acceptances"),
    "loc_suggested_to_add_sum": Column("lines_suggested", "Lines suggested"),
    "loc_added_sum": Column("lines_added", "Lines added"),
    "loc_deleted_sum": Column("lines_deleted", "Lines deleted"),
}
REQUESTS, GENERATIONS, ACCEPTANCES, LINES_SUGGESTED, LINES_ADDED, LINES_DELETED = COUNTERS

UNUSED = "Nothing of the kind was used on the days that are known."
UNTOLD = "No report of this period that was taken in tells it."


def nothing(asked: Asked, told: Breakdown) -> Panel:
    """No rows, and whether that is because nothing was done or because nothing is known."""
    return Panel(empty=UNUSED if told_days(told, asked.days()) else UNTOLD)


def ranked(sums: Mapping[tuple[str, ...], Sums], counter: str) -> list[str]:
    """The names that have anything of a counter, most first, equal ones by name."""
    return _ranked({key: getattr(each, counter) for key, each in sums.items()})


def _ranked(counts: Mapping[tuple[str, ...], int | None]) -> list[str]:
    totals = {name: value for (name,), value in counts.items() if value}
    return sorted(totals, key=lambda name: (-totals[name], name))


def leading(names: Sequence[str], most: int = SERIES) -> tuple[list[str], list[str]]:
    """Those that are shown by themselves, and the rest; a rest of one is shown by itself as well."""
    if len(names) <= most + 1:
        return list(names), []
    return list(names[:most]), list(names[most:])


def missing_note(asked: Asked, told: Breakdown) -> str:
    """That days are missing of a sum; nothing where none is, or all are."""
    days = asked.days()
    known = len(told_days(told, days))
    if known in (0, len(days)):
        return ""
    missing = len(days) - known
    verbs = "is missing or has" if missing == 1 else "are missing or have"
    return f"{missing:,} of {several(len(days), 'day', 'days')} {verbs} no breakdown: sums are of the rest."


def over_time(asked: Asked, told: Breakdown, name: str, counter: str, form: Form) -> Panel:
    """A series per name; a gap where any day of a bucket is not told."""
    named, rest = leading(_ranked(told.counts(counter, name, days=told_days(told, asked.days()))))
    if not named:
        return nothing(asked, told)
    columns = [Column(each, label(name, each)) for each in named] + ([OTHER] if rest else [])

    def values(bucket: Bucket) -> list[Value]:
        if not is_told(told, bucket.days):
            return [None] * len(columns)
        counts = told.counts(counter, name, days=bucket.days)
        # What nobody used is known: it is none.
        row: list[Value] = [counts.get((each,), 0) for each in named]
        if not rest:
            return row
        return [*row, sum_of_counts(counts[each,] for each in rest if (each,) in counts)]

    drawing = Drawing(form, [column.name for column in columns])
    return asked.over_time(columns, values, drawing)


def in_sum(
    asked: Asked,
    told: Breakdown,
    name: str,
    counter: str,
    also: Sequence[str] = (),
    before: Breakdown | None = None,
    heading: str = "",
    drawn: str = "",
) -> Panel:
    """A row per name: a counter, its share of all names together, other counters, and the counter before.

    The counter is drawn, or the column named by `drawn`.
    """
    days = told_days(told, asked.days())
    sums = told.totals(name, days=days)
    shown = [counter, *also]
    names = _by_any(sums, shown)
    if not names:
        return nothing(asked, told)
    main = COUNTERS[counter]
    columns = [
        Column(name, heading or label_of(name), Kind.TEXT),
        main,
        Column("share", f"Share of {main.label.lower()}", Kind.RATE),
        *(COUNTERS[each] for each in also),
    ]
    whole = sum_of(sums.values(), counter)
    rows: list[list[Value]] = [
        [
            label(name, each),
            getattr(sums[each,], counter),
            ratio(getattr(sums[each,], counter), whole),
            *(getattr(sums[each,], one) for one in also),
        ]
        for each in names
    ]
    if before is not None and asked.before is not None:
        columns.append(Column("before", f"{main.label} before"))
        earlier = asked.days(asked.before)
        is_told = len(told_days(before, earlier)) == len(earlier)
        counts_before = before.counts(counter, name, days=earlier)
        for row, each in zip(rows, names, strict=True):
            row.append(counts_before.get((each,), 0) if is_told else None)
    return Panel(columns, rows, Drawing(Form.RANKED, [drawn or main.name]), note=missing_note(asked, told))


def _by_any(sums: Mapping[tuple[str, ...], Sums], counters: Sequence[str]) -> list[str]:
    """Names with anything of these counters: by the first of them, then by the others."""

    def order(name: str) -> tuple[object, ...]:
        return *(-(getattr(sums[name,], counter) or 0) for counter in counters), name

    return sorted(
        (name for (name,), each in sums.items() if any(getattr(each, counter) for counter in counters)),
        key=order,
    )


def label_of(name: str) -> str:
    """A dimension's own name as a heading."""
    return {"ide": "Editor"}.get(name, name.capitalize())


def crossed(asked: Asked, told: Breakdown, down: str, across: str, counter: str) -> Panel:
    """A table of two names, its cells coloured by a counter; an empty cell is a pair that did not occur."""
    days = told_days(told, asked.days())
    # Added up once: both orders are made of the cells.
    sums = told.totals(down, across, days=days)
    whole = Breakdown((down, across), {asked.period.last: sums})
    rows, columns = (ranked(whole.totals(name), counter) for name in (down, across))
    if not rows:
        return nothing(asked, told)
    cells = {key: getattr(each, counter) for key, each in sums.items()}
    return heat(cells, down, across, rows, columns, missing_note(asked, told))


def heat(
    values: Mapping[tuple[str, ...], int | None],
    down: str,
    across: str,
    rows: Sequence[str],
    columns: Sequence[str],
    note: str = "",
) -> Panel:
    """The same of values that are at hand; columns that do not fit are one more."""
    named, rest = leading(columns, CROSSED)
    heads = [Column(each, label(across, each)) for each in named] + ([OTHER] if rest else [])

    def cells(row: str) -> list[Value]:
        own: list[Value] = [values.get((row, each)) for each in named]
        return [*own, total(values.get((row, each)) for each in rest)] if rest else own

    return Panel(
        [Column(down, label_of(down), Kind.TEXT), *heads],
        [[label(down, row), *cells(row)] for row in rows],
        Drawing(Form.HEAT, [column.name for column in heads]),
        note=note,
    )


NOT_ALL_COVERED = "How many different people it was is told only where each day has a report of its people."


def people_in_sum(asked: Asked, name: str) -> Panel:
    """A row per name: the distinct people of the period, their share of all who were active, and before."""
    people = people_of(asked, name, asked.period)
    active = distinct(asked.scope, asked.period, days=asked.days())
    if people is None:
        return Panel(empty=NOT_ALL_COVERED)
    columns = [
        Column(name, label_of(name), Kind.TEXT),
        Column("people", "People"),
        Column("share", "Share of active people", Kind.RATE),
    ]
    rows: list[list[Value]] = [
        [label(name, each), number, ratio(number, active)] for each, number in people.items()
    ]
    if asked.before is not None:
        columns.append(Column("before", "People before"))
        before = people_of(asked, name, asked.before)
        for row, each in zip(rows, people, strict=True):
            row.append(None if before is None else before.get(each, 0))
    return Panel(columns, rows, Drawing(Form.RANKED, ["people"]), empty=UNUSED)


def people_of(asked: Asked, name: str, period: Period) -> dict[str, int] | None:
    """Distinct people per name over the period's days that count, most first; None unless all are covered."""
    found = people_by_name(asked.scope, period, f"{name}:", asked.days(period))
    return None if found is None else {each: len(people) for each, people in found.items() if people}


def people_over_time(asked: Asked, name: str, form: Form) -> Panel:
    """A series per name of distinct people per bucket; a gap where a day of it is not covered."""
    buckets = asked.buckets()
    counts = counts_by_name(asked.scope, asked.period, f"{name}:", [bucket.days for bucket in buckets])
    named, rest = leading(list(counts))
    columns = [Column(each, label(name, each)) for each in named]
    if not columns:
        return Panel(empty=UNUSED if _covered_any(asked) else UNTOLD)

    over = dict(zip(buckets, zip(*(counts[each] for each in named), strict=True), strict=True))

    def values(bucket: Bucket) -> Sequence[Value]:
        return over[bucket]

    # People of several names together are no sum, so the rest is left out and named.
    note = f"Not drawn: {listed([label(name, each) for each in rest])}." if rest else ""
    return asked.over_time(columns, values, Drawing(form, [column.name for column in columns]), note=note)


def _covered_any(asked: Asked) -> bool:
    sets = day_sets(asked.scope, asked.period)
    return any(day in sets for day in asked.days())


NO_HISTORY = f"Fewer than {HISTORY} days are known before this period: nothing can be told to be new."
# New names that a sentence lists.
LISTED = 3


def new_names(asked: Asked, name: str) -> Panel:
    """A row per name that nobody of the account used before the period."""
    found = new_in(asked.scope, asked.period, f"{name}:")
    if found is None:
        return Panel(empty=NO_HISTORY)
    columns = [
        Column(name, label_of(name), Kind.TEXT),
        Column("first_day", "First used on", Kind.DAY),
        Column("people", "People since"),
    ]
    rows = [[label(name, each.name), each.day, each.people] for each in found]
    return Panel(columns, rows, empty="Nothing was new in this period.")


# Words ------------------------------------------------------------------------------------------


def leaders(sums: Mapping[tuple[str, ...], Sums], counter: str) -> list[str]:
    """The name with most of a counter, or all that have equally much; none where none has anything."""
    names = ranked(sums, counter)
    return [name for name in names if getattr(sums[name,], counter) == getattr(sums[names[0],], counter)]


def most_used(asked: Asked, told: Breakdown, name: str, counter: str, title: str, one: str, many: str) -> str:
    """Python was the most used language: 34 % of 1,234 generations. Nothing where none has a name."""
    sums = told.totals(name, days=told_days(told, asked.days()))
    whole = sum_of(sums.values(), counter)
    first = leaders({key: each for key, each in sums.items() if key[0] not in NAMELESS}, counter)
    subject = led([label(name, each) for each in first], f"was the {title}", f"were the {title}s")
    share = ratio(getattr(sums[first[0],], counter), whole) if first else None
    if not subject or share is None or whole is None:
        return ""
    each = "each " if len(first) > 1 else ""
    return f"{subject}: {each}{percent(share)} of {several(whole, one, many)}."


def of_most_people(asked: Asked, name: str, one: str, many: str) -> str:
    """Completions reached most people: 45 of 60 who were active (75 %). Nothing unless all days are known."""
    people = people_of(asked, name, asked.period)
    active = distinct(asked.scope, asked.period, days=asked.days())
    if not people or not active:
        return ""
    most = max((number for each, number in people.items() if each not in NAMELESS), default=0)
    first = [label(name, each) for each, number in people.items() if number == most and each not in NAMELESS]
    subject = led(first, one, many)
    share = ratio(most, active)
    if not subject or share is None:
        return ""
    each = "each " if len(first) > 1 else ""
    return f"{subject}: {each}{most:,} of {active:,} who were active ({percent(share)})."


def incomplete(asked: Asked, told: Breakdown) -> str:
    """Says of a page's sums that days are missing."""
    return missing_note(asked, told).capitalize()


def new_ones(asked: Asked, name: str) -> str:
    """New in this period: Zig and Elixir. Nothing where nothing is new, or too little is known of before."""
    found = new_in(asked.scope, asked.period, f"{name}:") or []
    names = [label(name, each.name) for each in found if each.name not in NAMELESS]
    if not names:
        return ""
    more = [several(len(names) - LISTED, "other", "others")] if len(names) > LISTED + 1 else []
    return f"New in this period: {listed([*(names[:LISTED] if more else names), *more])}."
