"""Editors and versions: where Copilot is used, with which clients, and whose are too old."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from metrics.dashboards import by_name
from metrics.dashboards.asked import Asked
from metrics.dashboards.names import label
from metrics.dashboards.panel import Column, Drawing, Form, Kind, Panel, Row
from metrics.dashboards.people import person_links
from metrics.dashboards.registry import page
from metrics.dashboards.wording import percent, several
from metrics.figures import Client, day_sets, people_by_name, ratio
from metrics.figures.by_name import told
from metrics.figures.clients import (
    OUTDATED_AFTER,
    Lag,
    SeenClient,
    State,
    by_editor,
    number_outdated,
    outdated,
    people_with,
    seen_clients,
    too_old_for_lines,
)
from seats.models import GitHubUser

METRICS = "https://docs.github.com/en/copilot/reference/copilot-usage-metrics/copilot-usage-metrics"
LINES = "https://docs.github.com/en/copilot/reference/copilot-usage-metrics/lines-of-code-metrics"

# A list to act upon; whoever is not in it shows once some of these are up to date.
LISTED_PEOPLE = 200

OUTDATED = (
    f"Outdated: of an older major version, or {OUTDATED_AFTER} or more minor releases older, than the newest "
    "of the same editor or plugin that anybody of the account has. Versions are compared number by number; "
    "three JetBrains releases are a year."
)
NO_CLIENTS = "No report of people of this period tells the version of a client."

editors = page("editors", "Editors and versions", "terminal", order=60)


@editors.panel(
    "people-over-time",
    "Editors by people over time",
    definition="Distinct people with any counter above 0 under an editor, from the reports of people; "
    "somebody who uses two editors counts in both; a gap where a day has no report.",
    source=METRICS,
    wide=True,
)
def people_over_time(asked: Asked) -> Panel:
    return by_name.people_over_time(asked, "ide", Form.LINES)


@editors.panel(
    "use-over-time",
    "Editors by use over time",
    definition="Generations (code_generation_activity_count) by editor in totals_by_ide. What is done "
    "outside an editor is not in it.",
    source=METRICS,
    wide=True,
)
def use_over_time(asked: Asked) -> Panel:
    whole = told(asked.scope, asked.period, "ide")
    return by_name.over_time(asked, whole, "ide", by_name.GENERATIONS, Form.STACKED)


@editors.panel(
    "people",
    "People per editor",
    definition="Distinct people with any counter above 0 under an editor on a day of the period, and their "
    "share of all who were active; somebody who uses two editors counts in both.",
    source=METRICS,
)
def people(asked: Asked) -> Panel:
    return by_name.people_in_sum(asked, "ide")


@editors.panel(
    "use",
    "Use per editor",
    definition="The counters of totals_by_ide over the period. Editors need not add up to the day's own "
    "totals: what only GitHub's servers saw has no editor.",
    source=METRICS,
)
def use(asked: Asked) -> Panel:
    return by_name.in_sum(
        asked,
        told(asked.scope, asked.period, "ide", in_sum=True),
        "ide",
        by_name.GENERATIONS,
        [by_name.REQUESTS, by_name.ACCEPTANCES, by_name.LINES_ADDED, by_name.LINES_DELETED],
        before=told(asked.scope, asked.before, "ide", in_sum=True) if asked.before else None,
    )


@editors.panel(
    "up-to-date",
    "How up to date clients are",
    definition="People of each editor by the newest client of theirs that reports of the period tell. "
    f"{OUTDATED} Unknown: no version was told. The last column counts clients below GitHub's minimum for "
    "lines of code: their lines are missing here.",
    source=LINES,
    wide=True,
)
def up_to_date(asked: Asked) -> Panel:
    covered = list(day_sets(asked.scope, asked.period))
    users = people_by_name(asked.scope, asked.period, "ide:", covered)
    found = by_editor(seen_clients(asked.scope, asked.period), users or {})
    columns = [
        Column("ide", "Editor", Kind.TEXT),
        Column("people", "People"),
        Column("newest", "Newest minor release"),
        Column("behind", "Behind"),
        Column("outdated", "Outdated"),
        Column("unknown", "Unknown"),
        Column("outdated_share", "Outdated, of known ones", Kind.RATE),
        Column("too_old_for_lines", "Too old for lines of code"),
    ]
    rows = [
        [
            label("ide", each.ide),
            each.people,
            each.newest,
            each.behind,
            each.outdated,
            each.unknown,
            each.outdated_share,
            each.too_old_for_lines,
        ]
        for each in found
    ]
    return Panel(
        columns,
        rows,
        Drawing(Form.RANKED, ["newest", "behind", "outdated", "unknown"]),
        empty=NO_CLIENTS,
        note=_missing(asked, len(covered)),
    )


def _missing(asked: Asked, covered: int) -> str:
    if covered == len(asked.period):
        return ""
    missing, days = len(asked.period) - covered, several(len(asked.period), "day", "days")
    lacks = "has no report of its people" if missing == 1 else "have no report of their people"
    return f"{missing:,} of {days} {lacks}: what changed then is not known."


@editors.panel(
    "versions",
    "Versions of editors and plugins",
    definition="Each person's newest client per editor in the period (last_known_ide_version and "
    f"last_known_plugin_version), so nobody counts twice in an editor. {OUTDATED}",
    source=METRICS,
    wide=True,
)
def versions(asked: Asked) -> Panel:
    columns = [
        Column("ide", "Editor", Kind.TEXT),
        Column("ide_version", "Version", Kind.TEXT),
        Column("plugin", "Plugin", Kind.TEXT),
        Column("plugin_version", "Plugin version", Kind.TEXT),
        Column("people", "People"),
        Column("state", "State", Kind.TEXT),
        Column("editor_behind", "Editor behind by", Kind.TEXT),
        Column("plugin_behind", "Plugin behind by", Kind.TEXT),
        Column("tells_lines", "New enough for lines of code"),
    ]
    rows = [
        [
            *_client(each.client),
            len(each.people),
            each.state.value,
            behind(each.editor),
            behind(each.plugin),
            each.tells_lines,
        ]
        for each in seen_clients(asked.scope, asked.period)
    ]
    return Panel(columns, rows, empty=NO_CLIENTS)


@editors.panel(
    "outdated-people",
    "People on outdated clients",
    definition=f"Who has an outdated client as their newest of that editor in the period. {OUTDATED}",
    source=METRICS,
    wide=True,
    permission="metrics.view_userday",
)
def outdated_people(asked: Asked) -> Panel:
    seen = seen_clients(asked.scope, asked.period)
    some, number = list(islice(outdated(seen), LISTED_PEOPLE)), number_outdated(seen)
    logins = dict(GitHubUser.objects.filter(pk__in={key for key, _ in some}).values_list("pk", "login"))
    columns = [
        Column("login", "Person", Kind.TEXT),
        Column("ide", "Editor", Kind.TEXT),
        Column("ide_version", "Version", Kind.TEXT),
        Column("plugin", "Plugin", Kind.TEXT),
        Column("plugin_version", "Plugin version", Kind.TEXT),
        Column("editor_behind", "Editor behind by", Kind.TEXT),
        Column("plugin_behind", "Plugin behind by", Kind.TEXT),
    ]
    link = person_links(asked)
    rows: list[Row] = [
        [
            link(key, logins[key]),
            *_client(each.client),
            behind(each.editor),
            behind(each.plugin),
        ]
        for key, each in some
        if key in logins
    ]
    note = f"The first {LISTED_PEOPLE} of {number:,}." if number > len(some) else ""
    return Panel(columns, rows, empty="Nobody is known to have an outdated client.", note=note)


def _client(client: Client) -> list[str]:
    return [label("ide", client.ide), client.ide_version, client.plugin, client.plugin_version]


def behind(lag: Lag | None) -> str:
    """In words; nothing where it is not known."""
    if lag is None:
        return ""
    if lag.is_older_major:
        return "an older major version"
    return several(lag.minors, "minor release", "minor releases") if lag.minors else "newest"


# Words ------------------------------------------------------------------------------------------


@editors.opens_with
def words(asked: Asked) -> list[str]:
    seen = seen_clients(asked.scope, asked.period)
    sentences = [
        by_name.of_most_people(asked, "ide", "has most people", "have most people"),
        outdated_part(seen),
        without_lines(seen),
    ]
    return [sentence for sentence in sentences if sentence]


def outdated_part(seen: Sequence[SeenClient]) -> str:
    """How many of the people with a known client have an outdated one; nothing where none is known."""
    known = len(people_with(seen, State.NEWEST, State.BEHIND, State.OUTDATED))
    found = len(people_with(seen, State.OUTDATED))
    share = ratio(found, known)
    if share is None:
        return ""
    people = several(known, "person", "people")
    if not found:
        return f"Nobody of {people} with a known client has an outdated one."
    verb = "has" if found == 1 else "have"
    return f"{found:,} of {people} with a known client {verb} an outdated one ({percent(share)})."


def without_lines(seen: Sequence[SeenClient]) -> str:
    """How many have a client whose lines of code GitHub does not have; nothing where nobody has."""
    found = len(too_old_for_lines(seen))
    if not found:
        return ""
    people = several(found, "person has", "people have")
    return f"{people} a client too old for GitHub to count all lines of code with it."
