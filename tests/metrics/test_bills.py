"""Bills taken in: lines new, changed and unchanged, whose they are, and what they say of people."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.ingest.intake import take_in
from metrics.ingest.options import FileOutcome, Options
from metrics.ingest.rebuild_files import rebuild
from metrics.ingest.rejects import retry
from metrics.models import DirtyDay, ReportDay
from metrics.undo import undo
from portal.models import RejectedLine
from seats import evidence, standing
from seats.billed import billed
from seats.models import Account, BillingLine, Evidence, GitHubUser
from tests.metrics.formats.bills import LOG, REPORTS, bill, line
from tests.metrics.report_files import seat, take, user_day, write_lines, write_seats

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

OCTO = Options(organization="octo")


def take_bill(folder: Path, *lines: dict[str, str], options: Options = OCTO, **more: Any) -> FileOutcome:
    """Bills come one a minute."""
    number = len(list(folder.iterdir()))
    path = _written(folder / f"{number}.txt", bill(*lines, **more))
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=number), tick=False):
        [outcome] = take_in(path, options=options)
    assert not outcome.error
    return outcome


def became(outcome: FileOutcome) -> dict[str, int]:
    return {name.removeprefix("rows_"): count for name, count in outcome.counts.as_dict().items() if count}


def stored() -> list[tuple[Any, ...]]:
    rows = BillingLine.objects.order_by("account__login_key", "day", "username_key", "repeat")
    return list(rows.values_list("account__login", "username", "quantity"))


def test_a_bill_is_kept_line_by_line_to_the_last_digit(tmp_path: Path) -> None:
    noisy = line(quantity="0.30000000000000004", gross_amount="0.0030000000000000005",
                 net_amount="0.0030000000000000005", discount_amount="0", cost_center_name="R&D",
                 repository="octo/x")  # fmt: skip
    outcome = take_bill(tmp_path, noisy, line(username="Hubot"))
    assert (outcome.kind, became(outcome)) == ("billing-ai-usage", {"read": 2, "new": 2})
    row = BillingLine.objects.get(username="mona")
    assert (row.quantity, row.gross_amount, row.net_amount) == (Decimal("0.3"), *[Decimal("0.003")] * 2)
    assert (row.price, row.currency, row.monthly_quota) == (Decimal("0.01"), "USD", Decimal(1900))
    assert (row.cost_center_name, row.repository, row.exceeds_quota) == ("R&D", "octo/x", None)
    assert str(row) == "copilot_ai_credit of mona on 2026-11-01"
    covered = ReportDay.objects.get()
    assert (covered.report, covered.day) == ("billing-ai-usage", date(2026, 11, 1))
    assert not DirtyDay.objects.exists()


@pytest.mark.parametrize(("kind", "columns"), REPORTS.items())
def test_the_same_bill_again_changes_nothing(tmp_path: Path, kind: str, columns: str) -> None:
    if kind == "billing-request-log":
        content = (LOG + "2025-06-11T05:13:27Z,mona,Claude,1.00,False,300\n" * 2).encode()
    else:
        content = bill(line(), line(date="2026-11-02"), columns=columns)
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "c").write_bytes(content + b"\r\n")
    outcomes = [take_in(tmp_path / name, options=OCTO)[0] for name in "abc"]
    assert [outcome.kind for outcome in outcomes] == [kind] * 3
    assert [became(outcome) for outcome in outcomes] == [
        {"read": 2, "new": 2},
        {"read": 2, "unchanged": 2},
        {"read": 2, "unchanged": 2},
    ]


def test_restated_lines_change_and_the_older_bill_brings_nothing_back(tmp_path: Path) -> None:
    first = [line(), line(username="hubot")]
    take_bill(tmp_path, *first)
    outcome = take_bill(tmp_path, line(quantity="15", cost_center_name="R&D"), line(username="hubot"))
    assert became(outcome) == {"read": 2, "changed": 1, "unchanged": 1}
    assert stored() == [("octo", "hubot", 12), ("octo", "mona", 15)]
    assert became(take_bill(tmp_path, *first)) == {"read": 2, "unchanged": 1, "superseded": 1}


def test_a_bill_that_ends_later_knows_more_in_whatever_order_they_come(tmp_path: Path) -> None:
    whole = [line(date="2026-11-01", quantity="20"), line(date="2026-11-02", quantity="5")]
    take_bill(tmp_path, *whole)
    early = take_bill(tmp_path, line(date="2026-11-01", quantity="3"))
    assert became(early) == {"read": 1, "superseded": 1}
    told = Options(organization="octo", taken_at=datetime(2026, 11, 15, tzinfo=UTC))
    assert became(take_bill(tmp_path, line(quantity="7"), options=told)) == {"read": 1, "changed": 1}


def test_lines_alike_in_one_bill_each_cost(tmp_path: Path) -> None:
    take_bill(tmp_path, line(), line(), line())
    assert [row.repeat for row in BillingLine.objects.order_by("repeat")] == [0, 1, 2]
    assert became(take_bill(tmp_path, line(), line(), line(), line())) == {
        "read": 4,
        "new": 1,
        "unchanged": 3,
    }


def test_a_bill_of_several_organizations_falls_to_each(tmp_path: Path) -> None:
    lines = [line(organization="octo"), line(organization="acme"), line(organization="")]
    [refused] = take_in(_written(tmp_path / "a", bill(lines[2])))
    assert "name the organization (--organization) or the enterprise" in refused.error
    outcome = take_bill(tmp_path, *lines, options=Options())
    assert became(outcome) == {"read": 3, "new": 2, "rejected": 1}
    assert [login for login, *_ in stored()] == ["acme", "octo"]
    whole = take_bill(tmp_path, *lines, options=Options(enterprise="globex"))
    assert became(whole) == {"read": 3, "new": 3}
    assert BillingLine.objects.filter(account__login="globex").count() == 3


def test_a_line_of_another_organization_is_rejected(tmp_path: Path) -> None:
    outcome = take_bill(tmp_path, line(), line(organization="acme"))
    assert became(outcome) == {"read": 2, "new": 1, "rejected": 1}
    assert "The line is of the organization acme, not of octo" in outcome.rejected[0][1]


def test_a_dry_run_counts_and_writes_nothing(tmp_path: Path) -> None:
    told = Options(organization="octo", dry_run=True)
    assert became(take_bill(tmp_path, line(), line(), options=told)) == {"read": 2, "new": 2}
    assert not BillingLine.objects.exists()
    assert not Account.objects.exists()


def test_a_complete_bill_takes_out_what_is_on_it_no_more(tmp_path: Path) -> None:
    take_bill(tmp_path, line(), line(username="hubot"))
    outcome = take_bill(tmp_path, line(), options=Options(organization="octo", complete=True))
    assert outcome.removed == ["copilot_ai_credit of hubot on 2026-11-01"]
    assert became(take_bill(tmp_path, line(username="hubot"))) == {"read": 1, "new": 1}
    assert stored() == [("octo", "hubot", 12), ("octo", "mona", 12)]


def test_a_bill_can_be_undone_and_its_days_made_anew(tmp_path: Path) -> None:
    take_bill(tmp_path, line(), line(username="hubot"))
    before = stored()
    second = take_bill(tmp_path, line(quantity="15"), line(username="lisa"))
    assert second.report_file is not None
    rebuild(second.report_file)
    assert stored() == [("octo", "hubot", 12), ("octo", "lisa", 12), ("octo", "mona", 15)]
    assert undo(second.report_file).days == 1
    assert stored() == before


def test_a_rejected_line_mended_by_hand_is_taken_in(tmp_path: Path) -> None:
    take_bill(tmp_path, line(), line(date="11/1/2026"))
    reject = RejectedLine.objects.get()
    reject.line = reject.line.replace("11/1/2026", "2026-11-01")
    reject.save()
    [outcome] = retry([reject])
    assert became(outcome) == {"read": 1, "new": 1}
    assert stored() == [("octo", "mona", 12), ("octo", "mona", 12)]


def test_ai_credits_are_a_sign_of_life_of_whoever_held_the_login_that_day(tmp_path: Path) -> None:
    take(write_seats(tmp_path / "seats", [seat(1, "mona"), seat(2, "hubot")]), organization="octo")
    take_bill(tmp_path, line(username="Mona"), line(username="hubot", quantity="0"))
    noted = Evidence.objects.values_list("user__login", "source", "last_on")
    assert list(noted) == [("mona", "ai_credits", date(2026, 11, 1))]
    assert BillingLine.objects.get(username="Mona").user == GitHubUser.objects.get(github_id=1)
    [history] = [tell for tell in evidence.histories() if tell.__name__ == "credits_until"]
    assert list(history(date(2026, 11, 1)).values()) == [{"ai_credits": date(2026, 11, 1)}]
    assert history(date(2026, 10, 31)) == {}
    seats = {row.user.login: row.last_evidence_source for row in standing.standing(date(2026, 11, 20))}
    assert seats == {"mona": "ai_credits", "hubot": ""}


def test_who_becomes_known_after_the_bill_is_found_on_it(tmp_path: Path) -> None:
    take_bill(tmp_path, line(username="Mona"))
    assert not GitHubUser.objects.exists()
    take(write_lines(tmp_path / "use", [user_day(7, "2026-10-01", login="mona")]))
    assert BillingLine.objects.get().user == GitHubUser.objects.get(github_id=7)
    assert Evidence.objects.get(source="ai_credits").last_on == date(2026, 11, 1)


def test_premium_requests_are_no_ai_credits(tmp_path: Path) -> None:
    take(write_seats(tmp_path / "seats", [seat(1, "mona")]), organization="octo")
    take_bill(tmp_path, line(), columns=REPORTS["billing-requests"])
    assert not Evidence.objects.filter(source="ai_credits").exists()


def test_what_was_billed_is_of_one_report_and_exact(tmp_path: Path) -> None:
    costs = {"gross_amount": "0.1", "discount_amount": "0", "net_amount": "0.1"}
    copilot = [line(date=f"2026-11-0{n}", **costs) for n in (1, 2, 3)]
    take_bill(tmp_path, *copilot, line(product="spark", **costs))
    take_bill(tmp_path, line(**costs), columns=REPORTS["billing-detailed"])
    octo = Account.objects.get(login="octo")
    every = billed(octo, BillingLine.Report.AI_USAGE, date(2026, 11, 1), date(2026, 11, 30))
    assert (every.lines, every.net, every.currency) == (4, Decimal("0.4"), "USD")
    days = date(2026, 11, 1), date(2026, 11, 2)
    some = billed(octo, BillingLine.Report.AI_USAGE, *days, product="copilot")
    assert (some.lines, some.gross, some.discount, some.net) == (2, Decimal("0.2"), 0, Decimal("0.2"))
    nothing = billed(octo, BillingLine.Report.SUMMARIZED, date(2026, 11, 1), date(2026, 11, 2))
    assert (nothing.lines, nothing.net) == (0, None)


def test_many_lines_take_no_more_queries_than_few(tmp_path: Path) -> None:
    take_bill(tmp_path, line())
    with CaptureQueriesContext(connection) as few:
        take_bill(tmp_path, *(line(username=f"a-{n}") for n in range(5)))
    with CaptureQueriesContext(connection) as many:
        take_bill(tmp_path, *(line(username=f"b-{n}") for n in range(300)))
    assert len(many) <= len(few) + 3


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
