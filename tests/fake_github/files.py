"""The data of a state as files that an admin would have saved, for `import_reports`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec

from tests.fake_github.report_files import encoded
from tests.fake_github.state import Account, Enterprise, Organization, Report, State

PAGE = 100
DAILY = ("users-1-day", "{kind}-1-day", "user-teams-1-day", "repos-1-day")
WINDOWS = ("users-28-day", "{kind}-28-day")


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file, and what must be said when it is taken in: what it cannot say itself."""

    path: Path
    organization: str = ""
    enterprise: str = ""
    team: str = ""
    is_complete: bool = False
    taken_at: datetime | None = None


def write_files(
    state: State,
    folder: Path,
    *,
    daily: Iterable[str] = DAILY,
    windows: Iterable[str] = (),
    taken_at: datetime | None = None,
) -> list[SavedFile]:
    """Write every seat list and report below `folder`, and return what must be said on taking each in.

    `<account>/seats/page-0001.json` …, one folder for each account that grants seats by itself: an
    organization of an enterprise has its seats in the enterprise's list. `<account>/<report>/<day>.ndjson`
    for each day there is. `{kind}` in a name stands for organization or enterprise. What the older systems
    have lies in `<account>/copilot-metrics.json` and `copilot-usage.json`, a team's in a folder of its own.
    """
    return list(_Writer(state, folder, tuple(daily), tuple(windows), taken_at or state.now()).all())


class _Writer:
    def __init__(
        self,
        state: State,
        folder: Path,
        daily: tuple[str, ...],
        windows: tuple[str, ...],
        taken_at: datetime,
    ) -> None:
        self.state = state
        self.folder = folder
        self.daily = daily
        self.windows = windows
        self.taken_at = taken_at

    def all(self) -> Iterator[SavedFile]:
        accounts: list[Account] = [*self.state.enterprises, *self.state.organizations]
        for account in accounts:
            if not (isinstance(account, Organization) and account.enterprise):
                yield from self._seats(account)
            yield from self._reports(account)
            yield from self._older(account)

    def _file(self, account: Account, name: str, content: bytes, *, is_list: bool = False) -> SavedFile:
        path = self.folder / account.login / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return SavedFile(
            path,
            organization=account.login if isinstance(account, Organization) else "",
            enterprise=account.login if isinstance(account, Enterprise) else "",
            is_complete=is_list,
            taken_at=self.taken_at if is_list else None,
        )

    def _seats(self, account: Account) -> Iterator[SavedFile]:
        rows, total = account.encoded_rows()
        for number, start in enumerate(range(0, max(len(rows), 1), PAGE), 1):
            page = b'{"total_seats":%d,"seats":[%b]}' % (total, b",".join(rows[start : start + PAGE]))
            yield self._file(account, f"seats/page-{number:04d}.json", page, is_list=True)

    def _days(self, account: Account) -> Iterator[date]:
        """Every day that may have a report, oldest first."""
        named = [date.fromisoformat(day) for _, day in account.reports if day != "latest"]
        company = self.state.company
        first = min([*named, company.first_day] if company else named, default=self.state.today)
        while first < self.state.today:
            yield first
            first += timedelta(days=1)

    def _reports(self, account: Account) -> Iterator[SavedFile]:
        kind = "enterprise" if isinstance(account, Enterprise) else "organization"
        for pattern in self.daily:
            name = pattern.format(kind=kind)
            for day in self._days(account):
                report = account.report(name, day.isoformat())
                if report is not None and report.parts:
                    yield self._file(account, f"{name}/{day}.ndjson", _joined(report))
        for pattern in self.windows:
            name = pattern.format(kind=kind)
            report = account.report(name, "latest")
            if report is not None and report.parts:
                yield self._file(account, f"{name}.ndjson", _joined(report))

    def _older(self, account: Account) -> Iterator[SavedFile]:
        """Arrays of days, as GitHub's guide has them saved."""
        for name, kept in (("metrics", account.legacy_metrics), ("usage", account.legacy_usage)):
            for slug, days in kept.items():
                place = f"team {slug}/" if slug else ""
                content = msgspec.json.encode(days)
                file = self._file(account, f"{place}copilot-{name}.json", content)
                yield replace(file, team=slug)


def _joined(report: Report) -> bytes:
    """All parts, one after the other."""
    parts = []
    for part in report.parts:
        content = part() if callable(part) else part
        text = encoded(content, "ndjson")
        parts.append(text if text.endswith(b"\n") else text + b"\n")
    return b"".join(parts)
