"""On Data health: of which days stored values were told otherwise since, and by how many files."""

from __future__ import annotations

from urllib.parse import urlencode

from django.db.models import Count, Max, Sum
from django.urls import reverse

from metrics.dashboards.asked import Asked
from metrics.dashboards.data_health import data_health
from metrics.dashboards.panel import Column, Kind, Panel, Row
from metrics.dashboards.rows_behind import linked
from metrics.models import Restatement

# The newest days tell most; the list has them all.
SHOWN = 31


@data_health.panel(
    "restated",
    "Values told otherwise since",
    definition="Of each day how many stored values a later file changed, of how many fields, and when that "
    "was noticed last. GitHub tells of a day again for up to three days. Each number leads to the values, "
    "with what they were and what they are.",
    permission="metrics.view_restatement",
    wide=True,
)
def restated(asked: Asked) -> Panel:
    period = asked.period
    rows = Restatement.objects.filter(
        account=asked.scope.account, day__gte=period.first, day__lte=period.last
    ).order_by()
    days = rows.values("day").annotate(
        told=Sum("rows"), names=Count("field", distinct=True), files=Count("new_file", distinct=True),
        noticed=Max("noticed_at"),
    )  # fmt: skip
    told = days.order_by("-day").values_list("day", "told", "names", "files", "noticed")[:SHOWN]
    return Panel(
        columns=[
            Column("day", "Day", Kind.TEXT),
            Column("values", "Values"),
            Column("fields", "Fields"),
            Column("files", "By files"),
            Column("noticed", "Noticed last", Kind.TEXT),
        ],
        rows=[_row(asked, *day) for day in told],
        empty="No stored value of these days was told otherwise.",
    )


def _row(asked: Asked, day: object, values: int, fields: int, files: int, noticed: object) -> Row:
    query = {"account__id__exact": asked.scope.account.pk, "day_from": str(day), "day_to": str(day)}
    url = f"{reverse('admin:metrics_restatement_changelist')}?{urlencode(query)}"
    return [str(day), linked(values, url), fields, files, f"{noticed:%Y-%m-%d %H:%M} UTC"]
