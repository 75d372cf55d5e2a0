"""Files as they come: each oddity is taken in or refused as a careful person would, and it is said."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from metrics.ingest.intake import take_in
from metrics.ingest.options import FileOutcome, Options
from metrics.models import LegacyDay, RepositoryDay, ScopeDay, TeamRoster, UserDay
from seats.models import Account, BillingLine, Seat
from tests.metrics.formats import bills
from tests.metrics.formats.made import (
    dumped,
    legacy_metrics_day,
    legacy_usage_day,
    lines,
    repository_day,
    scope_day,
    seat,
    user_day,
    user_team,
    without,
)
from tests.metrics.test_import_command import run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

OCTO = {"organization": "octo"}


@dataclass(frozen=True)
class Odd:
    """A file, and what is to be said of it: counts by name, sentences that must occur."""

    what: str
    content: bytes
    counts: dict[str, int] = field(default_factory=dict)
    says: str = ""
    rejects: tuple[str, ...] = ()
    options: dict[str, str] = field(default_factory=dict)


def seats(*some: object, total: int | None = None) -> bytes:
    return dumped({"total_seats": len(some) if total is None else total, "seats": list(some)})


def day_totals(*days: dict[str, object]) -> bytes:
    said = {"report_start_day": "2026-10-05", "report_end_day": "2026-11-01", "organization_id": "9001"}
    return dumped({**said, "day_totals": [without(day, "organization_id") for day in days]})


PHASES = [{"phase": "Phase 7", "phase_number": 7, "total_engaged_users": 4}]
TWO_SPELLINGS = [
    {"language": name, "feature": "code_completion", "code_generation_activity_count": 3}
    for name in ("Python", "python")
]
NOT_CONFIRMED = "The list is complete, but was not confirmed to be: it ended no seat."

TAKEN = [
    Odd(
        "days out of order, some missing",
        day_totals(scope_day(), scope_day(day="2026-10-09"), scope_day(day="2026-10-30")),
        {"new": 3},
    ),
    Odd("a report of no day", day_totals(), {}, "There is no row in it"),
    Odd(
        "one id used by two people on a day",
        lines([user_day(), user_day(user_login="hubot", loc_added_sum=5)]),
        {"new": 1, "changed": 1},
        "One line says otherwise than another of the same moment: one of the two stands.",
    ),
    Odd(
        "one id under two names on two days",
        lines([user_day(), user_day(user_login="lisa", day="2026-10-30")]),
        {"new": 2},
    ),
    Odd("one name of two people", lines([user_day(), user_day(user_id=2)]), {"new": 2}),
    Odd(
        "phases above those documented",
        lines(
            [
                user_day(ai_adoption_phase={"phase": "Phase 9", "phase_number": 9}),
                user_day(user_id=2, ai_adoption_phase={}),
            ]
        ),
        {"new": 2},
    ),
    Odd(
        "phases of an account above those documented",
        lines([scope_day(totals_by_ai_adoption_phase=PHASES)]),
        {"new": 1},
    ),
    Odd(
        "a language spelled two ways", lines([user_day(totals_by_language_feature=TWO_SPELLINGS)]), {"new": 1}
    ),
    Odd("keys nobody documented", lines([user_day(hello={"a": [1]}, used_next_thing=True)]), {"new": 1}),
    Odd(
        "a day told by its first moment",
        lines([user_day(day="2026-11-01T00:00:00Z"), user_day(user_id=2, day="2026-11-01 00:00:00")]),
        {"new": 2},
    ),
    Odd(
        "a day told by any other moment",
        lines([user_day(day="2026-11-01T08:00:00Z")]),
        {"rejected": 1},
        rejects=("`day` is “2026-11-01T08:00:00Z”, not a day",),
    ),
    Odd(
        "text where a flag should be",
        lines([user_day(), user_day(user_id=2, used_chat="true")]),
        {"new": 1, "rejected": 1},
        rejects=("`used_chat` must be true or false, not text",),
    ),
    Odd(
        "an account's day among people's",
        lines([user_day(), scope_day()]),
        {"new": 1, "rejected": 1},
        rejects=("this is an account's day, and people's were expected",),
    ),
    Odd(
        "a person's day among an account's",
        lines([scope_day(), user_day()]),
        {"new": 1, "rejected": 1},
        rejects=("this is a person's line (`user_id`) in a report of whole days",),
    ),
    Odd(
        "two bytes a character",
        lines([user_day()]).decode().encode("utf-16"),
        {"new": 1},
        "It is saved as UTF-16, and was read so.",
    ),
    Odd(
        "seats with nobody on them",
        seats(seat(), seat(assignee=None), without(seat(), "assignee")),
        {"new": 1, "rejected": 2},
        NOT_CONFIRMED,
        ("the seat has no `assignee`",) * 2,
        OCTO,
    ),
    Odd("a seat listed twice", seats(seat(), seat(), total=1), {"new": 2}, NOT_CONFIRMED, options=OCTO),
    Odd(
        "days where a seat has times",
        seats(seat(created_at="2026-01-15", last_activity_at="2026-10-30")),
        {"new": 1},
        options=OCTO,
    ),
    Odd(
        "one page of a seat list",
        seats(seat(), total=120),
        {"new": 1},
        "No seat was ended: the list is not complete, it lists 1 of 120 people.",
        options=OCTO,
    ),
    Odd(
        "a page that is no JSON",
        seats(seat())[:-3] + b",}]}",
        {"rejected": 1},
        "No seat was ended: the list is not complete, 1 of its seats cannot be read.",
        ("not valid JSON at character",),
        OCTO,
    ),
    Odd(
        "a page that breaks off behind a good one",
        seats(seat()) + seats(seat())[:-9],
        {"new": 1, "rejected": 1},
        "No seat was ended",
        ("the file breaks off in the middle",),
        OCTO,
    ),
    Odd(
        "a page that breaks off before a good one",
        seats(seat(), total=3) + b"\n" + seats(seat(), total=3)[:-9] + b"\n" + seats(seat(), total=3),
        {"new": 1, "rejected": 1},
        "No seat was ended",
        ("the record does not end, and what follows cannot be told apart from it",),
        OCTO,
    ),
    Odd(
        "a page with a wrong bracket between good ones",
        seats(seat(), total=2) + seats(total=2)[:-2] + b":]}" + seats(seat(), total=2),
        {"new": 2, "rejected": 1},
        "No seat was ended: the list is not complete, 1 of its seats cannot be read.",
        ("from here to the end of its page nothing can be told apart",),
        OCTO,
    ),
    Odd(
        "pages in a list",
        dumped([{"total_seats": 2, "seats": [seat(assignee={"id": n, "login": f"u{n}"})]} for n in (1, 2)]),
        {"new": 2},
        NOT_CONFIRMED,
        options=OCTO,
    ),
    Odd(
        "enterprise teams",
        lines([without(user_team(enterprise_id="42", slug="ent:web"), "organization_id")]),
        {"new": 1},
    ),
    Odd(
        "repositories with and without pull requests",
        lines(
            [repository_day(), repository_day(repo_id="502", pull_requests=None, repo_visibility="secret")]
        ),
        {"new": 2},
    ),
    Odd(
        "a day of the oldest API without its totals",
        dumped([legacy_usage_day(), {"day": "2023-10-16", "breakdown": []}]),
        {"new": 2},
        options=OCTO,
    ),
    Odd(
        "empty blocks of the older API",
        dumped([legacy_metrics_day(copilot_ide_chat=None), {"date": "2024-06-25"}]),
        {"new": 2},
        options=OCTO,
    ),
    Odd(
        "an archive of the older API with a day twice",
        lines([legacy_metrics_day(), legacy_metrics_day(total_active_users=25)]),
        {"new": 1, "changed": 1},
        "One line says otherwise",
        options=OCTO,
    ),
    Odd(
        "an activity report that went through a script and Excel",
        "report_time,login,last_authenticated_at,last_activity_at,last_surface_used,name\n"
        "2026-11-01 06:00:00 UTC,mona,None,2026-10-30,VS Code,Zoë\n"
        "2026-11-01 06:00:00 UTC,hubot,-,N/A,Unspecified,Jürgen\n"
        "2026-11-01 06:00:00 UTC,lisa,10/30/2026 06:10,,Xcode,\n".encode("cp1252"),
        {"new": 2, "rejected": 1},
        "It is not UTF-8, and was read as Windows-1252.",
        rejects=("is “10/30/2026 06:10”, not a time as 2026-01-31T08:00:00Z: where Excel rewrote the times",),
        options=OCTO,
    ),
    Odd(
        "a bill with a line of totals",
        bills.bill(bills.line(), bills.line(date="Total")),
        {"new": 1, "rejected": 1},
        rejects=("this is a line of totals, of no day: what it adds up is in the other lines",),
        options=OCTO,
    ),
    Odd(
        "a bill as Excel saved it",
        bills.bill(bills.line(cost_center_name="Größe")).decode().encode("cp1252"),
        {"new": 1},
        "It is not UTF-8, and was read as Windows-1252.",
        options=OCTO,
    ),
    Odd(
        "a bill with a byte order mark", b"\xef\xbb\xbf" + bills.bill(bills.line()), {"new": 1}, options=OCTO
    ),
    Odd(
        "a bill whose days Excel rewrote",
        bills.bill(bills.line(date="11/1/2026")),
        {"rejected": 1},
        rejects=("where Excel rewrote the dates, import the file as GitHub made it",),
        options=OCTO,
    ),
]

REFUSED = [
    Odd("an empty list", b" []\n", says="There is nothing in this file"),
    Odd(
        "an account's totals over four weeks",
        lines([{"report_start_day": "2026-10-05", "report_end_day": "2026-11-01", "total_active_users": 9}]),
        says="totals over several days, which cannot be told apart by day: get the report with a record for",
    ),
    Odd(
        "people's totals in a table",
        b"user_login,days_active,loc_added_sum\nmona,5,10\n",
        says="These are people's totals (user_login, days_active, loc_added_sum), already added up over "
        "days: get the per-user usage report",
    ),
    Odd(
        "teams' totals in a table",
        b"team,active_users\nweb,5\n",
        says="These are teams' totals (team, active_users), already added up: get the per-user usage report",
    ),
    Odd(
        "members of an organization",
        dumped([{"login": "mona", "id": 1, "site_admin": False}]),
        says="get the list of seats",
    ),
    Odd("an audit log", dumped([{"@timestamp": 1, "action": "copilot.seat"}]), says="a part of an audit log"),
    Odd(
        "a chart's numbers",
        b"Date,Daily active users\n2026-11-01,5\n",
        says="These are the numbers behind a chart (Date, Daily active users), already added up: get the "
        "days of the account (organization-28-day, or the NDJSON export of the usage dashboard) or of its",
    ),
    Odd("a chart's lines", b"date,model,requests\n2026-11-01,gpt-5.4,4\n", says="the numbers behind a chart"),
    Odd(
        "people's totals over four weeks",
        lines(
            [{**without(user_day(), "day"), "report_start_day": "2026-10-05", "report_end_day": "2026-11-01"}]
        ),
        says="get the daily per-user report (users-1-day, or users-28-day with a line per person and day)",
    ),
    Odd(
        "a summary of the subscription",
        dumped({"seat_breakdown": {"total": 4}}),
        says="get the list of seats",
    ),
    Odd("a billing answer", dumped({"usageItems": [{"sku": "x"}]}), says="get the AI usage report (CSV)"),
    Odd(
        "links instead of the report",
        dumped({"download_links": ["https://files.example/?sig=1"]}),
        says="download the files behind the links",
    ),
    Odd(
        "a sheet with semicolons",
        bills.bill(bills.line()).replace(b",", b";"),
        says="as Excel saves one, and Excel rewrites days and amounts as well",
        options=OCTO,
    ),
    Odd(
        "a list of members",
        b"login,name,email\nmona,Mona,m@example.org\n",
        says="a CSV file with the columns login, name, email",
    ),
    Odd(
        "older days of nobody", dumped([legacy_metrics_day()]), says="name the organization or the enterprise"
    ),
    Odd(
        "a bill of nobody", bills.bill(bills.line(organization="")), says="The bill does not say whose it is"
    ),
    Odd(
        "a log of nobody",
        (bills.LOG + "2025-06-11T05:13:27Z,mona,Claude,1,False,300\n").encode(),
        says="The bill does not say whose it is",
    ),
]


def taken(odd: Odd, folder: Path) -> FileOutcome:
    path = folder / "f0a1?sv=2024-08&sig=x.csv"  # as object stores name things: it says nothing
    path.write_bytes(odd.content)
    [outcome] = take_in(path, options=Options(**odd.options))  # type: ignore[arg-type]
    return outcome


@pytest.mark.parametrize("odd", TAKEN, ids=lambda odd: odd.what)
def test_what_can_be_used_is_taken_in(odd: Odd, tmp_path: Path) -> None:
    outcome = taken(odd, tmp_path)
    assert outcome.error == ""
    counts = {name.removeprefix("rows_"): count for name, count in outcome.counts.as_dict().items() if count}
    assert counts.pop("read", 0) == sum(odd.counts.values())
    assert counts == odd.counts
    assert odd.says in " ".join(outcome.notes)
    assert len(outcome.rejected) == len(odd.rejects)
    for (_, reason), expected in zip(outcome.rejected, odd.rejects, strict=True):
        assert expected in reason


@pytest.mark.parametrize("odd", REFUSED, ids=lambda odd: odd.what)
def test_what_cannot_be_used_is_refused_by_name(odd: Odd, tmp_path: Path) -> None:
    outcome = taken(odd, tmp_path)
    assert odd.says in outcome.error
    assert outcome.error.endswith(".")
    for model in (UserDay, ScopeDay, Seat, LegacyDay, RepositoryDay, TeamRoster, BillingLine):
        assert not model._default_manager.exists()


def test_an_organization_met_by_id_is_the_one_named_by_login(tmp_path: Path) -> None:
    (tmp_path / "use").write_bytes(lines([user_day()]))
    take_in(tmp_path / "use")
    outcome = taken(Odd("", seats(seat()), options=OCTO), tmp_path)
    octo = Account.objects.get(kind="organization")
    assert (octo.login, octo.github_id) == ("octo", 9001)
    assert outcome.report_file is not None
    assert outcome.report_file.subject == octo.subject


def zipped(members: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        for name, content in members.items():
            writer.writestr(name, content)
    return archive.getvalue()


def test_everything_at_once_files_folders_and_archives_of_several_organizations(tmp_path: Path) -> None:
    folder = tmp_path / "downloads" / "deep"
    folder.mkdir(parents=True)
    (folder / ".DS_Store").write_bytes(b"\0")
    (folder / "part-0?X-Amz-Signature=abc").write_bytes(lines([user_day()]))
    (folder / "report.json").write_bytes(lines([user_day(organization_id="9002", enterprise_id="42")]))
    (folder / "no extension").write_bytes(bills.bill(bills.line(organization="octo")))
    archive = {
        "2026/11/users.json.gz": gzip.compress(lines([user_day(day="2026-10-30")])),
        "2026/11/deeper/repos": lines([repository_day()]),
        "__MACOSX/2026/11/._users.json.gz": b"\0\5",
        "2026/Thumbs.db": b"\0",
        "2026/_SUCCESS": b"",
        "../users of another day": lines([user_day(day="2026-10-29")]),
        "seats.txt": b"hello",
    }
    (folder / "all.zip").write_bytes(zipped(archive))
    single = tmp_path / "teams"
    single.write_bytes(lines([user_team()]))
    code, answer, err = run(tmp_path / "downloads", single)
    kinds = sorted(str(file["kind"]) for file in answer["files"])
    assert kinds == sorted(
        ["None", "billing-ai-usage", "repos-1-day", "user-teams-1-day", *["users-1-day"] * 4]
    )
    assert (code, answer["rows_new"], answer["rows_rejected"]) == (1, 7, 0)
    notes = [note for file in answer["files"] for note in file.get("notes", [])]
    assert notes == [
        "Passed over 3 files that systems leave beside others (._users.json.gz, Thumbs.db, _SUCCESS)."
    ]
    assert "Passed over 1 file that systems leave beside others (.DS_Store)." in err
    organizations = Account.objects.filter(kind="organization")
    assert set(organizations.values_list("github_id", "login")) == {(9001, ""), (9002, ""), (None, "octo")}


KINDS: dict[str, Callable[[], bytes]] = {
    "repos-1-day": lambda: lines([repository_day()]),
    "legacy-metrics": lambda: lines([legacy_metrics_day()]),
    "billing-ai-usage": lambda: bills.bill(bills.line()),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_cut_short_gives_what_is_there_and_says_so(kind: str, tmp_path: Path) -> None:
    packed = gzip.compress(KINDS[kind]() + b" " * 70_000)
    (tmp_path / "a.gz").write_bytes(packed[:-20])
    [outcome] = take_in(
        tmp_path / "a.gz", options=Options(organization="octo" if kind != "repos-1-day" else "")
    )
    assert outcome.kind == kind
    assert (outcome.counts.rows_new, outcome.counts.rows_rejected) == (1, 1)
    assert "breaks off before its end" in outcome.rejected[0][1]
