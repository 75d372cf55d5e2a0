"""The activity report CSV, today's and older ones."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest

from metrics.formats.activity_report import ActivityReportRecord, read_lines
from metrics.formats.errors import BrokenOffError
from metrics.formats.records import Broken
from portal.reports.formula_quotes import safe

pytestmark = pytest.mark.usefixtures("clock")

HEADER = "report_time,login,last_authenticated_at,last_activity_at,last_surface_used\n"
AT = "2026-11-20 06:00:00 UTC"


def read(text: str | bytes, start_after: int = 0) -> list[tuple[int, ActivityReportRecord] | Broken]:
    content = text.encode() if isinstance(text, str) else text
    return list(read_lines(lambda: io.BytesIO(content), start_after))


def one(text: str) -> ActivityReportRecord:
    (line,) = read(text)
    assert not isinstance(line, Broken)
    return line[1]


def reasons(text: str | bytes) -> list[tuple[int, str]]:
    return [(line.number, line.reason) for line in read(text) if isinstance(line, Broken)]


def test_a_line_becomes_instants_in_utc() -> None:
    found = one(HEADER + f'{AT},Mona,2026-11-01T02:00:00+02:00,2026-11-19,"VS Code 1.89.1"\n')
    assert found == ActivityReportRecord(
        datetime(2026, 11, 20, 6, tzinfo=UTC),
        "Mona",
        datetime(2026, 11, 1, tzinfo=UTC),
        datetime(2026, 11, 19, tzinfo=UTC),
        "VS Code 1.89.1",
    )


def test_empty_means_none() -> None:
    found = one(HEADER + f"{AT},mona,,,\n")
    assert (found.last_authenticated_at, found.last_activity_at, found.last_surface_used) == (None, None, "")


@pytest.mark.parametrize(
    "header",
    [
        "Login,Last usage date,Last editor used",
        "User,Last_Activity_At,Last_Activity_Editor",
        "username, last usage date ,LAST EDITOR USED",
        '"login","last_activity_at","last_surface_used"',
    ],
)
def test_older_headers_are_understood(header: str) -> None:
    found = one(f"{header}\nmona,2026-11-19,vim\n")
    assert (found.report_time, found.login) == (None, "mona")
    assert found.last_activity_at == datetime(2026, 11, 19, tzinfo=UTC)
    assert found.last_surface_used == "vim"


def test_columns_may_stand_anywhere_and_unknown_ones_are_passed_over() -> None:
    found = one(f'new,login,report_time,last_activity_at\n"a,b",mona,{AT},\n')
    assert (found.login, found.last_surface_used) == ("mona", "")


def test_line_endings_blank_lines_and_a_missing_last_break_do_no_harm() -> None:
    text = (HEADER + f"\n{AT},a,,,\n\n{AT},b,,,").replace("\n", "\r\n")
    assert [line[0] for line in read(text)] == [3, 5]


def test_an_activity_that_lies_in_the_future_is_not_believed() -> None:
    found = one(HEADER + f"{AT},mona,2026-12-01T00:00:00Z,2031-01-01T00:00:00Z,\n")
    assert (found.last_authenticated_at, found.last_activity_at) == (None, None)


def test_a_login_is_taken_once_whatever_its_case() -> None:
    text = HEADER + f"{AT},mona,,,\n{AT},hubot,,,\n{AT},MONA,,,\n"
    assert reasons(text) == [(4, "`login` MONA is listed twice: line 2 has it already")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"{AT},,,,\n", "`login` is empty"),
        (f"{AT},{'x' * 256},,,\n", "`login` is longer than 255 characters"),
        (f"{AT},a\x07b,,,\n", "`login` holds a control character"),
        ("soon,mona,,,\n", "`report_time` is “soon”, not a time as 2026-01-31T08:00:00Z"),
        (",mona,,,\n", "`report_time` is empty: it says as of when the line was true"),
        ("2027-01-01,mona,,,\n", "`report_time` is “2027-01-01”, which lies in the future"),
        (
            f"{AT},mona,,19.11.2026,\n",
            (
                "`last_activity_at` is “19.11.2026”, not a time as 2026-01-31T08:00:00Z: where Excel rewrote "
                "the times, import the file as GitHub made it"
            ),
        ),
        (f"{AT},mona,,\n", "the line has 4 columns, its header 5"),
        (f'{AT},mona,,,"VS\n', "a quoted field does not end on this line"),
        (f'{AT},mona,,,"VS" Code"\n', "a quoted field does not end on this line"),
        (f'{AT},"mona"x"",,,\n', "the quotes of this line do not match"),
        (f"{AT},{'x' * 70_000},,,\n", "the line is longer than any line of an activity report"),
        (
            f"{AT},mo",
            "the line has 2 columns, its header 5 (the file ends in this line and may be cut short)",
        ),
    ],
)
def test_a_bad_line_says_what_is_wrong_and_the_others_are_read(line: str, reason: str) -> None:
    text = HEADER + f"{AT},hubot,,,\n" + line
    assert reasons(text) == [(3, reason)]
    assert len(read(text)) == 2


def test_a_file_as_excel_saves_it_is_read_with_the_names_in_it() -> None:
    header = HEADER.replace("\n", ",Prénom\n")
    content = (header + f"{AT},a,,,Zoë’s editor,Zoë\n{AT},b,,,,\n").encode("cp1252")
    first, second = read(content)
    assert not isinstance(first, Broken)
    assert not isinstance(second, Broken)
    assert (first[1].login, first[1].last_surface_used) == ("a", "Zoë’s editor")


def test_a_login_of_other_letters_is_nobodys() -> None:
    content = (HEADER + f"{AT},a,,,\n{AT},Zoë,,,\n").encode("cp1252")
    assert reasons(content) == [(3, "`login` is “Zoë”, and logins at GitHub have plain letters only")]


def test_text_of_two_encodings_in_one_file_is_refused_by_line() -> None:
    content = (HEADER + f"{AT},a,,,Zoë\n").encode() + f"{AT},b,,,Zoë\n".encode("latin-1")
    assert reasons(content) == [(3, "the text is not UTF-8: export the file again, or save it as UTF-8")]


@pytest.mark.parametrize("meant", ["@SUM(1)", "-x", "=1+1", "'+x", "'quoted", "x", "'"])
def test_the_quote_that_our_own_report_has_before_a_formula_is_taken_off(meant: str) -> None:
    written = safe(meant)
    found = one(HEADER + f"{AT},{written},,,{written}\n")
    assert (found.login, found.last_surface_used) == (meant, meant)


def test_resuming_still_knows_the_logins_before() -> None:
    text = HEADER + f"{AT},a,,,\n{AT},b,,,\n{AT},A,,,\n"
    found: list[Any] = read(text, start_after=2)
    assert [line[0] for line in found] == [3, 4]
    assert isinstance(found[1], Broken)


class CutShort(io.BytesIO):
    def readline(self, size: int | None = -1, /) -> bytes:
        if line := super().readline(size):
            return line
        raise BrokenOffError


def test_an_archive_cut_short_is_noticed() -> None:
    found: list[Any] = list(read_lines(lambda: CutShort((HEADER + f"{AT},a,,,\n").encode())))
    assert [line[0] for line in found] == [2, 3]
    assert found[1].reason.startswith("the file breaks off")
