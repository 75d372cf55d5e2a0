"""What days have in common that come from a file: where it comes from, and what else the line says."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from django.db.models import Count
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

from metrics import breakdowns
from metrics.formats.users import line_hash
from metrics.kind_labels import kind_label
from metrics.models import ReportDay, Restatement, UserDay
from portal import kept_files
from portal.admin.base import NOTHING
from portal.admin.file_origin import link_to_file, origin
from portal.models import ReportFile

# A page looks for its line in files up to this size, unpacked.
SEARCHED_UP_TO = 32 * 1024 * 1024

SHOWN_FILES = 5

__all__ = ["FromFile", "file_origin", "files_of", "link_to_file"]


class FromFile:
    """Read-only fields for a model with `account`, `day`, `file` and `blob`."""

    @display(description="file")
    def source_file(self, row: Any) -> str:
        return file_origin(row.file_id, line_of(row) if isinstance(row, UserDay) else None)

    @display(description="restated")
    def restated(self, row: Any) -> str:
        """Whether the day was told otherwise before, with the way to how."""
        known = Restatement.objects.filter(account=row.account_id, day=row.day)
        if isinstance(row, UserDay):
            known = known.filter(user=row.user_id)
        number = known.count()
        if not number:
            return "never since it is kept"
        asked = f"account__id__exact={row.account_id}&day_from={row.day}&day_to={row.day}"
        url = f"{reverse('admin:metrics_restatement_changelist')}?{asked}"
        words = f"{number:,} value{'' if number == 1 else 's'}"
        return format_html('<a class="portal-link" href="{}">{}</a>', url, words)

    @display(description="breakdowns")
    def everything_else(self, row: Any) -> str:
        text = json.dumps(breakdowns.unpack(row.blob), indent=2, ensure_ascii=False)
        return format_html(
            '<pre class="portal-pre" tabindex="0" role="region" aria-label="Breakdowns">{}</pre>', text
        )


def file_origin(file_id: int | None, line: int | None = None) -> str:
    """Where a row of this file comes from."""
    if file_id is None:
        return NOTHING
    file = ReportFile.objects.select_related("received_by").get(pk=file_id)
    return origin(file, kind_label(file.kind), line)


def files_of(account_id: int, day: date, report: str) -> str:
    """The files that people's days of this day stand by, each with how many; else the one that covers it."""
    if report == ReportDay.Report.USERS:
        rows = UserDay.objects.filter(account=account_id, day=day).order_by()
        counted = list(rows.values_list("file").annotate(rows=Count("pk")).order_by("-rows")[:SHOWN_FILES])
        files = ReportFile.objects.in_bulk([pk for pk, _ in counted])
        if counted:
            asked = f"account__id__exact={account_id}&day_from={day}&day_to={day}"
            url = f"{reverse('admin:metrics_userday_changelist')}?{asked}"
            named = format_html_join(
                ", ",
                "{}: {} {}",
                (
                    (link_to_file(files[pk]), f"{number:,}", "row" if number == 1 else "rows")
                    for pk, number in counted
                ),
            )
            return format_html('{} (<a class="portal-link" href="{}">all rows</a>)', named, url)
    covered = ReportDay.objects.filter(account=account_id, day=day, report=report).first()
    return file_origin(covered.file_id) if covered else NOTHING


def line_of(row: UserDay) -> int | None:
    """The number of the row's line in its file; None where the file is gone, large, or not of lines."""
    file: ReportFile = row.file
    if not row.line_hash or file.size > SEARCHED_UP_TO or not file.kept_file or not file.kept_file.is_file():
        return None
    wanted = bytes(row.line_hash)
    with kept_files.opener(file.kept_path)() as stream:
        for number, line in enumerate(stream, 1):
            if line_hash(line.strip()) == wanted:
                return number
    return None
