"""The company's exports, as an admin would have saved them over the weeks, under names of any sort."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from metrics.sample.calendar import DAY, at, days_between
from metrics.sample.company import SETTLED_AFTER, WINDOW, Company, Scope
from metrics.sample.people import Organization
from metrics.sample.rosters import activity_report, scope_keys, seat_records, team_records
from metrics.sample.totals import Totals
from metrics.sample.usage import body, record

# Windows overlap by three days, so that every day is read again once it has settled.
WINDOW_STEP = WINDOW - SETTLED_AFTER
SEAT_LIST_EVERY = 7
PAGE = 100
# When a seat list is saved, and when an activity report: later the same evening.
SEAT_LIST_HOUR, ACTIVITY_HOUR = 21.5, 22.75


@dataclass(frozen=True, slots=True)
class SampleFile:
    """A file, and what must be said when it is taken in: what it cannot say itself."""

    path: Path
    organization: str = ""
    enterprise: str = ""
    is_complete: bool = False
    taken_at: datetime | None = None


def write_files(company: Company, folder: Path) -> list[SampleFile]:
    """Write all exports below `folder`, one folder per account, and return them by account and name.

    Each folder can be given to `import_reports` with its account, the seat lists' with `--complete` too.
    """
    return sorted(_Writer(company, folder).all(), key=lambda file: file.path)


class _Writer:
    def __init__(self, company: Company, folder: Path) -> None:
        self.company = company
        self.folder = folder
        self._bodies: dict[tuple[date, int], dict[int, str]] = {}

    def all(self) -> Iterator[SampleFile]:
        for scope in self.company.scopes:
            yield from self._usage(scope)
            yield from self._totals(scope)
            yield from self._teams(scope)
        yield from self._seats()
        yield from self._activity()

    def _file(self, scope: Scope, name: str, **options: Any) -> SampleFile:
        account = scope.login if isinstance(scope, Organization) else scope.slug
        path = self.folder / account / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(scope, Organization):
            return SampleFile(path, organization=account, **options)
        return SampleFile(path, enterprise=account, **options)

    # Usage -------------------------------------------------------------------------------------

    def _windows(self) -> Iterator[tuple[date, date]]:
        """28-day windows that cover the period, newest first, cut at its beginning."""
        last = self.company.last_day
        while True:
            first = max(last - (WINDOW - 1) * DAY, self.company.first_day)
            yield first, last
            if first == self.company.first_day:
                return
            last -= WINDOW_STEP * DAY

    def _lines(self, scope: Scope, day: date, exported_on: date) -> Iterator[str]:
        """A day's records, without the opening keys of scope and file."""
        age = min((exported_on - day).days, SETTLED_AFTER)
        known = self._bodies.setdefault((day, age), {})
        for person, activity in self.company.seen(scope, day, age):
            text = known.get(person.id)
            if text is None:
                phase = self.company.phases[day][person.id]
                text = known[person.id] = body(record(person, day, activity, phase))
            yield text

    def _window_lines(self, scope: Scope, first: date, last: date) -> Iterator[str]:
        scope_start = json.dumps(scope_keys(self.company, scope), separators=(",", ":"))[1:-1]
        for day in days_between(first, last):
            start = (
                f'{{"report_start_day":"{last - (WINDOW - 1) * DAY}","report_end_day":"{last}",'
                f'"day":"{day}",{scope_start},'
            )
            for text in self._lines(scope, day, last):
                yield start + text

    def _usage(self, scope: Scope) -> Iterator[SampleFile]:
        for number, (first, last) in enumerate(self._windows()):
            lines = self._window_lines(scope, first, last)
            if number == 1:
                file = self._file(scope, f"users {last:%B %Y}.ndjson.gz")
                # No time of compression in the header: the same company gives the same bytes.
                file.path.write_bytes(gzip.compress(_joined(lines).encode(), 1, mtime=0))
            else:
                file = self._file(scope, f"copilot-users-28-day-{last}.ndjson")
                file.path.write_text(_joined(lines), newline="\n")
            yield file
        yield from self._single_days(scope)

    def _single_days(self, scope: Scope) -> Iterator[SampleFile]:
        """Two days on their own: as a JSON array with a byte order mark, and with Windows' line ends."""
        scope_start = json.dumps(scope_keys(self.company, scope), separators=(",", ":"))[1:-1]
        for day in (self.company.last_day - DAY, self.company.last_day - WINDOW_STEP * DAY):
            if day < self.company.first_day:
                continue
            records = [f'{{"day":"{day}",{scope_start},{text}' for text in self._lines(scope, day, day)]
            if not records:
                continue
            file = self._file(scope, f"download {day:%m%d}.json")
            if day == self.company.last_day - DAY:
                file.path.write_bytes(b"\xef\xbb\xbf" + f"[{','.join(records)}]".encode())
            else:
                file.path.write_bytes("\r\n".join(records).encode())
            yield file

    def _totals(self, scope: Scope) -> Iterator[SampleFile]:
        """The account's own totals. One organization was never asked: its figures come from its people."""
        if scope == self.company.organizations[-1]:
            return
        totals = Totals(self.company, scope)
        kind = "organization" if isinstance(scope, Organization) else "enterprise"
        keys = scope_keys(self.company, scope)
        for first, last in self._windows():
            report = {
                "report_start_day": str(last - (WINDOW - 1) * DAY),
                "report_end_day": str(last),
                **keys,
                "day_totals": [
                    {"day": str(day), **keys, **totals.day(day, last)} for day in days_between(first, last)
                ],
            }
            file = self._file(scope, f"{kind}-28-day {last}.json")
            file.path.write_text(json.dumps(report, separators=(",", ":")))
            yield file
        last = self.company.last_day
        file = self._file(scope, f"{kind}-1-day.json")
        file.path.write_text(json.dumps({"day": str(last), **keys, **totals.day(last, last)}, indent=2))
        yield file

    def _teams(self, scope: Scope) -> Iterator[SampleFile]:
        """The last week as one archive of daily files, all before it month by month."""
        week = self.company.last_day - 6 * DAY
        months: dict[str, list[str]] = {}
        daily: dict[date, str] = {}
        for day in days_between(self.company.first_day, self.company.last_day):
            records = team_records(self.company, scope, day)
            lines = [json.dumps(line, separators=(",", ":")) for line in records]
            if lines and day >= week:
                daily[day] = _joined(lines)
            elif lines:
                months.setdefault(f"{day:%Y-%m}", []).extend(lines)
        for month, lines in months.items():
            file = self._file(scope, f"user-teams {month}.ndjson")
            file.path.write_text(_joined(lines), newline="\n")
            yield file
        if daily:
            file = self._file(scope, "user-teams last week.zip")
            with zipfile.ZipFile(file.path, "w", zipfile.ZIP_DEFLATED) as archive:
                for day, text in daily.items():
                    # A fixed date of the entry: the same company gives the same bytes.
                    entry = zipfile.ZipInfo(f"user-teams-1-day-{day}.ndjson")
                    archive.writestr(entry, text, zipfile.ZIP_DEFLATED)
            yield file

    # Seats -------------------------------------------------------------------------------------

    def _seat_list_moments(self) -> Iterator[datetime]:
        day = self.company.last_day
        while day >= self.company.first_day:
            yield at(day, SEAT_LIST_HOUR)
            day -= timedelta(days=SEAT_LIST_EVERY)

    def _seats(self) -> Iterator[SampleFile]:
        """The enterprise's complete list every week; the newest in pages, as `gh api --slurp` saves them."""
        for number, moment in enumerate(self._seat_list_moments()):
            seats = seat_records(self.company, moment)
            name = f"seats/seats-{moment:%Y-%m-%d}.json"
            file = self._file(self.company.enterprise, name, is_complete=True, taken_at=moment)
            total = len({seat["assignee"]["id"] for seat in seats})
            pages = [{"total_seats": total, "seats": seats}]
            if number == 0:
                pages = [
                    {"total_seats": total, "seats": seats[start : start + PAGE]}
                    for start in range(0, len(seats), PAGE)
                ]
            document: Any = pages if number == 0 else pages[0]
            file.path.write_text(json.dumps(document, separators=(",", ":")))
            yield file
        yield self._first_page()

    def _first_page(self) -> SampleFile:
        """One organization's own list, of which only the first page was saved: it ends no seat."""
        organization = self.company.organizations[0]
        moment = at(self.company.last_day - 3 * DAY, 12)
        seats = seat_records(self.company, moment, organization)
        page = {
            "total_seats": len({seat["assignee"]["id"] for seat in seats}),
            "seats": seats[: PAGE // 2],
        }
        file = self._file(organization, "seats page 1.json", taken_at=moment)
        file.path.write_text(json.dumps(page, indent=1))
        return file

    def _activity(self) -> Iterator[SampleFile]:
        """The enterprise's activity report of the last evening, an organization's from the middle."""
        company = self.company
        file = self._file(company.enterprise, "activity-report.csv")
        evening = at(company.last_day, ACTIVITY_HOUR)
        file.path.write_text(
            activity_report(company, evening, company.enterprise, strangers=True), newline=""
        )
        yield file
        middle = company.first_day + (company.last_day - company.first_day) // 2
        file = self._file(company.organizations[1], "Copilot seat activity.csv")
        text = activity_report(company, at(middle, ACTIVITY_HOUR), company.organizations[1])
        file.path.write_text(text, newline="")
        yield file


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
