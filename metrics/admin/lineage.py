"""What days have in common that come from a file: a link to it, and what else the line says."""

from __future__ import annotations

import json
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display

from metrics import breakdowns


class FromFile:
    """Two read-only fields for a model with `file` and `blob`."""

    @display(description="file")
    def source_file(self, row: Any) -> str:
        url = reverse("admin:portal_reportfile_change", args=[row.file_id])
        return format_html('<a class="portal-link" href="{}">{}</a>', url, row.file)

    @display(description="breakdowns")
    def everything_else(self, row: Any) -> str:
        text = json.dumps(breakdowns.unpack(row.blob), indent=2, ensure_ascii=False)
        return format_html(
            '<pre class="portal-pre" tabindex="0" role="region" aria-label="Breakdowns">{}</pre>', text
        )
