"""Data health: coverage, reconciliation, names that say nothing, files and rejected lines."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from metrics import breakdowns
from metrics.dashboards import data_health
from metrics.dashboards.asked import Asked
from metrics.dashboards.registry import pages
from metrics.figures.coverage import Coverage
from metrics.figures.reconciliation import COMPARED, Reconciled
from metrics.models import DirtyDay, ReportDay
from portal.models import Job, RejectedLine, ReportFile
from seats.models import Account
from tests.metrics import stored
from tests.metrics.dashboards.asking import LAST, TODAY, Reader, ask, column, day, headline, url_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

SAID, MADE = "user_initiated_interaction_count", "code_generation_activity_count"


@pytest.fixture
def acme(db: None) -> Account:
    return stored.organization()


def use(account: Account, back: int, *people: int, **columns: Any) -> None:
    stored.use(account, day(back), {stored.person(number): columns for number in people})


def panel(key: str, asked: Asked) -> Any:
    return pages["data-health"].panels[key].function(asked)


def file_about(account: Account | None, name: str = "users.ndjson", **fields: Any) -> ReportFile:
    subject = account.subject if account else ""
    fields = {
        "kind": "users-1-day",
        "state": "done",
        "source": "upload",
        "sha256": "0" * 64,
        "size": 1,
    } | fields
    return ReportFile.objects.create(name=name, subject=subject, **fields)


def reject(file: ReportFile, number: int, reason: str) -> RejectedLine:
    return RejectedLine.objects.create(file=file, line_number=number, reason=reason, line="{")


# --- Coverage ---


def test_each_day_has_the_reports_that_tell_it(acme: Account, olga_client: Client) -> None:
    for back in (3, 1, 0):
        use(acme, back, 1)
    stored.cover(acme, day(1), "scope")
    ReportDay.objects.filter(day=day(3)).update(is_complete=True)
    DirtyDay.objects.create(account=acme, day=LAST)

    found = panel("coverage", ask(acme, days=4))

    assert column(found, "users") == [1, 0, 1, 1]
    assert column(found, "scope") == [0, 0, 1, 0]
    assert column(found, "user_teams") == [None] * 4, "never taken in"
    assert found.note == "Never taken in: team membership and repositories."
    assert column(found, "missing") == [1, 2, 0, 1], "of the two reports that ever came"
    assert column(found, "partial") == [0, 0, 1, 1]
    assert column(found, "updating") == [0, 0, 0, 1]
    page = olga_client.get(url_of(found, 0, "users"))
    assert page.context["cl"].result_count == 1


def test_a_day_told_in_part_is_coloured_only_where_a_complete_report_is_due(acme: Account) -> None:
    use(acme, 1, 1)
    use(acme, 0, 1)
    by_hand = panel("coverage", ask(acme, days=2))
    ReportDay.objects.filter(day=day(1)).update(is_complete=True)
    fetched = panel("coverage", ask(acme, days=2))

    assert (column(by_hand, "partial"), column(fetched, "partial")) == ([1, 1], [0, 1])
    assert by_hand.drawing is not None
    assert "partial" not in by_hand.drawing.series
    assert "nothing is amiss" in by_hand.note
    assert fetched.drawing is not None
    assert "partial" in fetched.drawing.series
    assert "nothing is amiss" not in fetched.note


def test_a_week_has_the_share_of_its_days(acme: Account) -> None:
    for back in (3, 1, 0):
        use(acme, back, 1)

    assert column(panel("coverage", ask(acme, days=4, by="week")), "users") == [Decimal("0.75")]


def test_the_state_of_the_days_is_told_in_numbers(acme: Account, olga_client: Client) -> None:
    for back in (5, 4, 0):
        use(acme, back, 1)
    DirtyDay.objects.create(account=acme, day=LAST)
    file = file_about(acme, conflicts=2)
    reject(file, 1, "no day")

    found = panel("state", ask(acme))

    assert headline(found, "Days known, person by person")[0] == 3
    assert found.headlines[0].note == "of 7"
    assert headline(found, "Provisional")[0] == 3
    assert headline(found, "Being added up")[0] == 1
    assert headline(found, "Rejected lines")[0] == 1
    assert headline(found, "Conflicting rows")[0] == 2
    assert olga_client.get(found.headlines[0].url).context["cl"].result_count == 3
    assert olga_client.get(found.headlines[4].url).context["cl"].result_count == 1


# --- Reconciliation ---


def test_github_s_own_totals_stand_beside_ours(acme: Account) -> None:
    use(acme, 6, 1, 2, **{SAID: 5})
    stored.totals(acme, day(6), daily_active_users=3, **{SAID: 10, MADE: 4})
    use(acme, 5, 1, **{SAID: 5})
    stored.totals(acme, day(4), daily_active_users=3)

    found = panel("reconciliation", ask(acme))

    assert column(found, "reported")[:3] == [3, None, None]
    assert column(found, "computed")[:3] == [2, None, None], "a day told by one report is not compared"
    assert column(found, "difference")[0] == -1
    assert column(found, SAID)[0] == 0
    assert column(found, MADE)[0] == -4
    assert column(found, "why")[0] == "the files of people need not name everybody"
    sums = panel("reconciliation-sums", ask(acme))
    assert column(sums, "difference")[:3] == [-1, 0, -4]
    assert sums.note == "1 day told by both, of 7."


def test_a_covered_day_without_anybody_adds_up_to_nothing(acme: Account) -> None:
    stored.use(acme, day(6), {})
    stored.totals(acme, day(6), daily_active_users=0, **{SAID: 0})

    found = panel("reconciliation", ask(acme))

    assert (column(found, "computed")[0], column(found, "difference")[0]) == (0, 0)
    assert column(found, "why")[0] is None


def test_a_difference_is_explained_as_far_as_it_can_be(acme: Account) -> None:
    for back in (9, 2):
        use(acme, back, 1, 2)
        stored.totals(acme, day(back), daily_active_users=3)
    ReportDay.objects.update(is_complete=True)

    before = panel("reconciliation", ask(acme, days=10))
    whys = dict(zip(column(before, "day"), column(before, "why"), strict=True))

    assert whys[str(day(9))] == "GitHub counts what no line of a person tells"
    assert whys[str(day(2))] == "GitHub may still change it"
    ReportDay.objects.filter(report="users", day=day(9)).update(observed_at=stored.midnight(TODAY))
    found = panel("reconciliation", ask(acme, days=10))
    assert column(found, "why")[0] == "the two reports are of different moments"


def test_of_several_days_only_what_both_say_is_added_up() -> None:
    nothing = (None,) * (len(COMPARED) - 2)
    one = Reconciled((3, 10, *nothing), (2, 8, *nothing))
    other = Reconciled((4, None, *nothing), (4, 7, *nothing))

    together = Reconciled.of([one, other])

    assert (together.as_reported("daily_active_users"), together.as_computed("daily_active_users")) == (7, 6)
    assert (together.as_reported(SAID), together.as_computed(SAID)) == (10, 8)
    assert Reconciled.of([]).difference(SAID) is None


# --- Names ---


def test_what_has_no_name_is_a_share_of_what_is_broken_down(acme: Account) -> None:
    record = {
        "totals_by_ide": [{"ide": "vscode", MADE: 6}, {"ide": "Others", MADE: 2}],
        "totals_by_feature": [
            {"feature": "code_completion", MADE: 3},
            {"feature": "chat_panel_unknown_mode", MADE: 1},
        ],
        "totals_by_language_feature": [{"language": "unknown", "feature": "code_completion", MADE: 3}],
    }
    blob = breakdowns.pack(json.dumps(record).encode())
    stored.totals(acme, LAST, blob=blob, daily_active_users=1)

    found = panel("unknown", ask(acme))

    told = [column(found, name) for name in ("dimension", "counter", "share")]
    assert told == [
        ["Editors", "Features", "Languages"],
        ["Generations"] * 3,
        [Decimal("0.25"), Decimal("0.25"), Decimal(1)],
    ], "nobody said a counter of models"


# --- Files ---


def test_files_are_told_by_kind_with_what_became_of_their_rows(acme: Account, olga_client: Client) -> None:
    rows = {"rows_read": 6, "rows_new": 1, "rows_unchanged": 2, "rows_superseded": 2, "rows_rejected": 1}
    file_about(acme, conflicts=1, **rows)
    file_about(acme, **rows)
    file_about(acme, kind="seats")
    file_about(stored.organization("other", 502))

    found = panel("files", ask(acme))

    assert column(found, "kind") == ["Per-user usage, one day", "Seat list"]
    assert column(found, "files") == [2, 1]
    assert (column(found, "superseded")[0], column(found, "conflicts")[0]) == (4, 1)
    assert olga_client.get(url_of(found, 0, "files")).context["cl"].result_count == 2


def test_rejected_lines_are_told_by_file_and_reason(acme: Account, olga_client: Client) -> None:
    file, nobodys = file_about(acme, "a.ndjson"), file_about(None, "b.ndjson")
    for number in (1, 2):
        reject(file, number, "no day & “more”")
    reject(file, 3, "no user")
    reject(nobodys, 1, "no account")
    reject(file_about(stored.organization("other", 502)), 1, "another's")
    done = reject(file, 4, "mended")
    RejectedLine.objects.filter(pk=done.pk).update(resolved_at=stored.midnight(TODAY))

    found = panel("rejects", ask(acme))

    assert column(found, "reason") == ["no day & “more”", "no account", "no user"]
    assert column(found, "lines") == [2, 1, 1]
    assert olga_client.get(url_of(found, 0, "lines")).context["cl"].result_count == 2
    assert pages["data-health"].panels["rejects"].permission == "portal.view_rejectedline"


# --- Freshness ---


def test_what_is_known_is_told_as_of_when(acme: Account) -> None:
    use(acme, 0, 1)
    Job.objects.create(
        kind="sync-usage", subject=acme.subject, state="done", finished_at=stored.midnight(LAST)
    )

    found = panel("freshness", ask(acme))

    assert column(found, "what") == ["Use", "Sync of usage"]
    assert column(found, "says")[0].startswith("up to 2026-11-19 (UTC)")  # type: ignore[union-attr]
    assert column(found, "says")[1] == "last done 2026-11-19 00:00 UTC"
    assert panel("freshness", ask(acme, user=Reader("portal.view_reportfile"))).is_empty


# --- Every panel ---


def test_nothing_known_is_said_and_not_drawn(acme: Account) -> None:
    for key, each in pages["data-health"].panels.items():
        found = each.function(ask(acme))
        assert found.is_empty or key == "state", key
        assert found.empty
    assert headline(panel("state", ask(acme)), "Days known, person by person")[0] == 0


@pytest.mark.parametrize("key", list(pages["data-health"].panels))
def test_a_panel_asks_as_much_of_a_year_as_of_a_quarter(acme: Account, key: str) -> None:
    def queries(days: int) -> int:
        with CaptureQueriesContext(connection) as asked:
            panel(key, ask(acme, days=days))
        return len(asked)

    use(acme, 0, 1)
    stored.totals(acme, LAST, daily_active_users=1)
    reject(file_about(acme, kind="users-28-day"), 1, "no day")
    # Shorter windows are read by days, which is a question less.
    few = queries(93)
    for back in range(1, 5):
        use(acme, back, 1, 2)
        stored.totals(acme, day(back), daily_active_users=1)
        reject(file_about(acme, kind="users-28-day"), 1, f"no day {back}")
    assert queries(365) == few


# --- Words ---


def test_the_page_opens_with_coverage_agreement_and_trouble(acme: Account) -> None:
    for back in (6, 5, 4, 2, 1, 0):
        use(acme, back, 1)
        stored.totals(acme, day(back), daily_active_users=3 if back == 4 else 1)
    reject(file_about(acme), 1, "no day")

    coverage, agreement, trouble = data_health.words(ask(acme))
    assert coverage == f"6 of 7 days are known person by person; 1 is missing: {day(3)}."
    assert agreement == (
        "On 5 of 6 days told by both, GitHub's own count of active users equals ours; the largest difference "
        f"is 2, on {day(4)}."
    )
    assert trouble == "1 line could not be read."


def test_coverage_in_words_names_few_days_and_calls_none_missing_that_is_not_due() -> None:
    def said(told: list[int], asked: list[int]) -> str:
        days = {day(back): True for back in told}
        found = Coverage({"users": days}, frozenset({"users"}), frozenset())
        return data_health.coverage_in_words(found, [day(back) for back in asked], TODAY)

    assert said([4, 3], [4, 3, 1, 0]) == "All 2 days that are due are known person by person."
    assert said([4], [4]) == "The one day that is due is known person by person."
    assert said([], [1, 0]) == "GitHub tells a day within two days of it: none of these is due yet."
    assert said([0], [1, 0]) == "The one day that is due is known person by person."
    assert said([], [5, 4]) == "No report of people of these days was taken in."
    assert said([9], [9, 8, 7, 6, 5]).endswith(f"4 are missing: first {day(8)}.")
    assert said([], []) == ""


def test_agreement_in_words() -> None:
    rest = (None,) * (len(COMPARED) - 1)
    same, more = Reconciled((3, *rest), (3, *rest)), Reconciled((3, *rest), (5, *rest))
    said = data_health.agreement_in_words
    assert said({}, [LAST]) == ""
    assert said({LAST: same}, [LAST]) == (
        "On each of 1 day told by both, GitHub's own count of active users equals ours."
    )
    assert said({LAST: more, day(1): same}, [day(1), LAST]).startswith("On 1 of 2 days told by both")
    assert said({LAST: Reconciled((None, *rest), (3, *rest))}, [LAST]) == ""


def test_trouble_in_words() -> None:
    said = data_health.trouble_in_words
    assert said(0, 0) == ""
    assert said(2, 1) == "2 lines could not be read and 1 day is being added up."
    assert said(0, 3) == "3 days are being added up."
    assert timedelta(days=2) == data_health.TOLD_WITHIN
