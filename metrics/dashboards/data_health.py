"""Data health: which days are known, from which reports, how well they agree, and what could not be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from urllib.parse import urlencode

from django.db.models import Max
from django.http import HttpRequest
from django.urls import reverse

from metrics.dashboards.asked import Asked, Bucket
from metrics.dashboards.panel import Column, Drawing, Form, Headline, Kind, Linked, Panel, Row
from metrics.dashboards.registry import page
from metrics.dashboards.rows_behind import covered_url, days_url, linked
from metrics.dashboards.wording import listed, several
from metrics.figures.coverage import REPORTS, Coverage, coverage, provisional
from metrics.figures.files_taken_in import conflicts, open_rejects, rejected, taken_in
from metrics.figures.reconciliation import (
    ACTIVE,
    COMPARED,
    Reconciled,
    Reconciliation,
    Standing,
    reconciliation,
)
from metrics.figures.unknown_names import unknown_shares
from metrics.kind_labels import kind_label
from metrics.models import ReportDay
from metrics.models.counters import COUNTERS
from metrics.periods import SETTLES_AFTER, is_provisional
from portal import freshness
from portal.models import Job

METRICS = "https://docs.github.com/en/copilot/reference/copilot-usage-metrics/copilot-usage-metrics"
RECONCILING = "https://docs.github.com/en/copilot/reference/copilot-usage-metrics/reconciling-usage-metrics"
CONCEPTS = "https://docs.github.com/en/copilot/concepts/copilot-usage-metrics"
# GitHub tells a day within so many days after it.
TOLD_WITHIN = timedelta(days=2)
# More days than these are counted, not named, in a sentence.
NAMED_DAYS = 3
LONGEST_REASON = 300

USERS = ReportDay.Report.USERS.value
LABELS = {
    ReportDay.Report.USERS: "Per person",
    ReportDay.Report.SCOPE: "Account totals",
    ReportDay.Report.USER_TEAMS: "Team membership",
    ReportDay.Report.REPOSITORIES: "Repositories",
}
NUMBERS = {
    "daily_active_users": "Active users",
    "user_initiated_interaction_count": "Interactions",
    "code_generation_activity_count": "Generations",
    "code_acceptance_activity_count": "Acceptances",
    "loc_suggested_to_add_sum": "Lines suggested to add",
    "loc_suggested_to_delete_sum": "Lines suggested to delete",
    "loc_added_sum": "Lines added",
    "loc_deleted_sum": "Lines deleted",
}
DIMENSIONS = {"ide": "Editors", "feature": "Features", "language": "Languages", "model": "Models"}

data_health = page(
    "data-health",
    "Data health",
    "monitor_heart",
    order=140,
    is_kept=False,
    permission="portal.view_reportfile",
    without=frozenset({"team", "compare"}),
)


# --- Coverage ---------------------------------------------------------------------------------


@data_health.panel(
    "state",
    "What is known of these days",
    definition="Days of the period of which a report of the account's people was taken in; a day without a "
    "report is unknown, not a day without use. Provisional days GitHub may still change; days being added "
    "up show older totals until that is done. Rejected lines wait to be mended; conflicts are rows of which "
    "two files of the same moment say different things.",
    source=CONCEPTS,
    wide=True,
)
def state(asked: Asked) -> Panel:
    account, days = asked.scope.account, asked.days()
    found = coverage(account, asked.period)
    files = taken_in(account)
    files_url = _files_url(asked)
    return Panel(
        headlines=[
            Headline(
                "Days known, person by person",
                found.covered(USERS, days),
                url=covered_url(asked.scope, USERS, asked.period.first, asked.period.last),
                note=f"of {len(days):,}",
            ),
            Headline(
                "Provisional",
                provisional(days, asked.today),
                note=f"from {asked.today - timedelta(days=SETTLES_AFTER)} on",
            ),
            Headline("Being added up", found.being_added_up(days), note="of these days"),
            Headline(
                "Rejected lines",
                open_rejects(account),
                url=reverse("admin:portal_rejectedline_changelist"),
                note="open, of any day",
            ),
            Headline("Conflicting rows", conflicts(files), url=files_url, note="of any day"),
        ],
    )


@data_health.panel(
    "coverage",
    "Days by report",
    definition="Of each day, week or month the share of days of which the report was taken in. A report that "
    "was never taken in has no share, and is none of the missing. Told in part: by files that need not name "
    "everybody, such as those uploaded by hand; coloured where complete reports are fetched or ever came. "
    "Being added up: totals are older than the rows.",
    source=CONCEPTS,
    wide=True,
)
def days_by_report(asked: Asked) -> Panel:
    found = coverage(asked.scope.account, asked.period)

    def values(bucket: Bucket) -> Row:
        shares = [
            linked(
                found.share(report, bucket.days),
                covered_url(asked.scope, report, bucket.days[0], bucket.last),
            )
            for report in REPORTS
        ]
        lacking = found.lacking(bucket.days)
        if lacking is None:
            return [*shares, None, None, None]
        return [*shares, lacking, found.partial(USERS, bucket.days), found.being_added_up(bucket.days)]

    columns = [
        *(Column(report.value.replace("-", "_"), LABELS[report], Kind.RATE) for report in REPORTS),
        Column("missing", "Missing reports"),
        Column("partial", "Told in part"),
        Column("updating", "Being added up"),
    ]
    never = [LABELS[report].lower() for report in REPORTS if report not in found.known]
    notes = [f"Never taken in: {listed(never)}."] if never and found.known else []
    # What is as it should be needs no colour.
    coloured = ["missing", "partial", "updating"]
    if not found.expects_all and found.partial(USERS, asked.days()):
        coloured.remove("partial")
        notes.append("No complete report is due: of days told by files brought by hand nothing is amiss.")
    return asked.over_time(columns, values, Drawing(Form.HEAT, coloured), note=" ".join(notes))


# --- Reconciliation ---------------------------------------------------------------------------


@data_health.panel(
    "reconciliation",
    "Active users: GitHub's own number and ours",
    definition="GitHub's own daily active users beside the people in its report person by person, and how "
    "much more ours add up to, number by number; days that both tell. Over a week or month days are added "
    "up to person-days.",
    source=RECONCILING,
    wide=True,
)
def reconcile(asked: Asked) -> Panel:
    found = reconciliation(asked.scope.account, asked.period)

    def values(bucket: Bucket) -> Row:
        told = [found.days[day] for day in bucket.days if day in found.days]
        together = Reconciled.of(told)
        url = days_url(asked.scope, bucket.days[0], bucket.last)
        return [
            linked(together.as_reported(ACTIVE), url),
            linked(together.as_computed(ACTIVE), url),
            together.difference(ACTIVE),
            *(together.difference(name) for name in COUNTERS),
            why(found, [day for day in bucket.days if day in found.days], asked.today) or None,
        ]

    columns = [
        Column("reported", "Active users, GitHub's"),
        Column("computed", "Active users, ours"),
        Column("difference", "Difference"),
        *(Column(name, f"{NUMBERS[name]}, difference") for name in COUNTERS),
        Column("why", "Why", Kind.TEXT),
    ]
    return asked.over_time(columns, values, Drawing(Form.LINES, ["reported"], dashed=["computed"]))


@data_health.panel(
    "reconciliation-sums",
    "GitHub's own totals and ours",
    definition="Each number added up over the days of the period that both reports tell, and how much more "
    "ours is. Active users are added up day by day.",
    source=RECONCILING,
)
def reconciled_sums(asked: Asked) -> Panel:
    found = reconciliation(asked.scope.account, asked.period)
    days = [day for day in asked.days() if day in found.days]
    together = Reconciled.of(found.days[day] for day in days)
    url = days_url(asked.scope, asked.period.first, asked.period.last)
    return Panel(
        columns=[
            Column("number", "Number", Kind.TEXT),
            Column("reported", "GitHub's own"),
            Column("computed", "Ours"),
            Column("difference", "Difference"),
        ],
        rows=[
            [
                "Active users, day by day" if name == ACTIVE else NUMBERS[name],
                linked(together.as_reported(name), url),
                linked(together.as_computed(name), url),
                together.difference(name),
            ]
            for name in COMPARED
        ]
        if days
        else [],
        note=f"{several(len(days), 'day', 'days')} told by both, of {len(asked.days()):,}.",
        empty="No day was told both by the account's own report and by its people's.",
    )


def why(found: Reconciliation, days: Sequence[date], today: date) -> str:
    """What may explain that the days differ; empty where they do not."""
    days = [day for day in days if found.days[day].differs]
    if not days:
        return ""
    standing = [found.standing.get(day, Standing()) for day in days]
    reasons = []
    if any(not each.is_complete for each in standing):
        reasons.append("the files of people need not name everybody")
    if any(_apart(each) for each in standing):
        reasons.append("the two reports are of different moments")
    if any(is_provisional(day, today) for day in days):
        reasons.append("GitHub may still change it")
    return "; ".join(reasons) or "GitHub counts what no line of a person tells"


def _apart(standing: Standing) -> bool:
    """Whether a restatement may lie between the two."""
    if standing.reported_at is None or standing.computed_at is None:
        return False
    return standing.reported_at.date() != standing.computed_at.date()


# --- Names ------------------------------------------------------------------------------------


@data_health.panel(
    "unknown",
    "Without a name",
    definition="Which share of each counter GitHub tells under the names unknown, others or none, by "
    "dimension; of what the breakdown tells. Completions have no model, languages no interactions.",
    source=METRICS,
    # It tells of days alone, not of the moment.
    is_kept=True,
)
def unknown(asked: Asked) -> Panel:
    found = [
        each for each in unknown_shares(asked.scope, asked.period, asked.days()) if each.whole is not None
    ]
    return Panel(
        columns=[
            Column("dimension", "Dimension", Kind.TEXT),
            Column("counter", "Counter", Kind.TEXT),
            Column("nameless", "Without a name"),
            Column("whole", "All"),
            Column("share", "Share", Kind.RATE),
        ],
        rows=[
            [DIMENSIONS[each.dimension], NUMBERS[each.counter], each.nameless, each.whole, each.share]
            for each in found
        ],
        empty="No report of these days tells of editors, features, languages or models.",
    )


# --- Files ------------------------------------------------------------------------------------


@data_health.panel(
    "files",
    "Files taken in",
    definition="What became of the rows of every file about the account, by kind: superseded rows lost to a "
    "newer file, conflicting ones say otherwise than a file of the same moment.",
    wide=True,
)
def files(asked: Asked) -> Panel:
    return Panel(
        columns=[
            Column("kind", "Kind", Kind.TEXT),
            Column("files", "Files"),
            Column("read", "Rows"),
            Column("new", "New"),
            Column("changed", "Changed"),
            Column("unchanged", "Unchanged"),
            Column("superseded", "Superseded"),
            Column("rejected", "Rejected"),
            Column("conflicts", "Conflicting"),
        ],
        rows=[
            [
                kind_label(each.kind),
                linked(each.files, _files_url(asked, kind=each.kind)),
                each.read,
                each.new,
                each.changed,
                each.unchanged,
                each.superseded,
                each.rejected,
                each.conflicts,
            ]
            for each in taken_in(asked.scope.account)
        ],
        empty="No file about this account was taken in.",
    )


def _files_url(asked: Asked, **more: str) -> str:
    query = urlencode({"subject__exact": asked.scope.account.subject, "state__exact": "done", **more})
    return f"{reverse('admin:portal_reportfile_changelist')}?{query}"


@data_health.panel(
    "rejects",
    "Lines that could not be read",
    definition="Open rejected lines by file and reason, of files about this account or about none. They are "
    "kept as they came, and can be mended and tried again.",
    permission="portal.view_rejectedline",
    wide=True,
)
def rejects(asked: Asked) -> Panel:
    return Panel(
        columns=[
            Column("file", "File", Kind.TEXT),
            Column("kind", "Kind", Kind.TEXT),
            Column("reason", "Reason", Kind.TEXT),
            Column("lines", "Lines"),
        ],
        rows=[
            [
                each.file_name,
                kind_label(each.kind),
                each.reason[:LONGEST_REASON],
                linked(each.lines, _lines_url(each.file_id, each.reason)),
            ]
            for each in rejected(asked.scope.account)
        ],
        empty="Every line could be read.",
    )


def _lines_url(file_id: int, reason: str) -> str:
    query = {"file__id__exact": str(file_id)}
    if len(reason) <= LONGEST_REASON:
        query["reason__exact"] = reason
    return f"{reverse('admin:portal_rejectedline_changelist')}?{urlencode(query)}"


# --- Freshness --------------------------------------------------------------------------------


@data_health.panel(
    "freshness",
    "As of when",
    definition="The newest report of each kind of data and where it came from, what should have come from "
    "GitHub and has not, and when the account was last synced to a good end.",
)
def fresh(asked: Asked) -> Panel:
    return Panel(
        columns=[Column("what", "What", Kind.TEXT), Column("says", "As of", Kind.TEXT)],
        rows=[*_told(asked), *_synced(asked)],
        empty="Nothing was taken in yet.",
    )


def _told(asked: Asked) -> Iterator[Row]:
    request = HttpRequest()
    request.user = asked.user
    for said in freshness.of_page(request, None):
        if isinstance(said, freshness.AsOf):
            yield [said.what, Linked(said.text, said.url)]
        else:
            yield ["Late", Linked(said.text, said.url)]


def _synced(asked: Asked) -> Iterator[Row]:
    if not asked.user.has_perm("portal.view_job"):
        return
    subject = asked.scope.account.subject
    done = Job.objects.filter(subject=subject, kind__startswith="sync-", state=Job.State.DONE)
    jobs = reverse("admin:portal_job_changelist")
    for kind, at in done.order_by("kind").values_list("kind").annotate(last=Max("finished_at")):
        what = f"Sync of {kind.removeprefix('sync-')}"
        yield [what, Linked(f"last done {at:%Y-%m-%d %H:%M} UTC", f"{jobs}?{urlencode({'q': subject})}")]


# --- Words ------------------------------------------------------------------------------------


@data_health.opens_with
def words(asked: Asked) -> list[str]:
    account = asked.scope.account
    found = coverage(account, asked.period)
    said = [
        coverage_in_words(found, asked.days(), asked.today),
        agreement_in_words(reconciliation(account, asked.period).days, asked.days()),
        trouble_in_words(open_rejects(account), found.being_added_up(asked.days())),
    ]
    return [sentence for sentence in said if sentence]


def coverage_in_words(found: Coverage, days: Sequence[date], today: date) -> str:
    """How many days are known person by person, and which are missing; days GitHub may not have told yet
    are none of those."""
    due = [day for day in days if day < today - TOLD_WITHIN or not found.missing(USERS, [day])]
    if not due:
        return "GitHub tells a day within two days of it: none of these is due yet." if days else ""
    missing = found.missing(USERS, due)
    if len(missing) == len(due):
        return "No report of people of these days was taken in."
    if not missing:
        which = "The one day that is due" if len(due) == 1 else f"All {len(due):,} days that are due"
        return f"{which} {'is' if len(due) == 1 else 'are'} known person by person."
    named = listed([str(day) for day in missing]) if len(missing) <= NAMED_DAYS else f"first {missing[0]}"
    known = f"{len(due) - len(missing):,} of {several(len(due), 'day', 'days')}"
    lack = "is" if len(missing) == 1 else "are"
    return f"{known} are known person by person; {len(missing):,} {lack} missing: {named}."


def agreement_in_words(told: Mapping[date, Reconciled], days: Sequence[date]) -> str:
    """On how many days GitHub's own count of active users equals ours; nothing where no day has both."""
    differences = {
        day: difference
        for day in days
        if day in told and (difference := told[day].difference(ACTIVE)) is not None
    }
    if not differences:
        return ""
    apart = {day: abs(difference) for day, difference in differences.items() if difference}
    whole = several(len(differences), "day", "days")
    if not apart:
        return f"On each of {whole} told by both, GitHub's own count of active users equals ours."
    most = max(apart, key=lambda day: apart[day])
    return (
        f"On {len(differences) - len(apart):,} of {whole} told by both, GitHub's own count of active users "
        f"equals ours; the largest difference is {apart[most]:,}, on {most}."
    )


def trouble_in_words(rejects: int, updating: int) -> str:
    """What waits to be mended or added up; nothing where nothing does."""
    waiting = []
    if rejects:
        waiting.append(several(rejects, "line could not be read", "lines could not be read"))
    if updating:
        waiting.append(several(updating, "day is being added up", "days are being added up"))
    return f"{listed(waiting)}." if waiting else ""
