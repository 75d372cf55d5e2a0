"""Sheets through the pages, as somebody with a browser brings and takes them."""

from __future__ import annotations

import csv
import io
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client


def take(client: Client, model: str, file_format: str = "csv") -> bytes:
    """The table as a file."""
    answer = client.post(f"/seats/{model}/export/", {"format": file_format})
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)  # type: ignore[attr-defined]


def exported(client: Client, model: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(take(client, model).decode())))


def choose(client: Client, model: str, content: str | bytes, name: str = "sheet.csv") -> Any:
    """Upload a sheet; the page that it leads to: columns, preview, or what is wrong with the file."""
    file = SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)
    page = client.post(f"/seats/{model}/import/", {"import_file": file}, follow=True)
    assert page.status_code == 200
    return page


def bring(client: Client, model: str, content: str | bytes, name: str = "sheet.csv") -> Any:
    """Upload a sheet and confirm what the preview shows; the preview, where there was nothing to confirm."""
    page = choose(client, model, content, name)
    found = page.context.get("found")
    if found is None or found["wrong_rows"] or not (found["totals"]["new"] or found["totals"]["changed"]):
        return page
    return client.post(page.context["urls"]["confirm"], follow=True)


def sheet_of(rows: list[dict[str, str]]) -> str:
    sheet = io.StringIO()
    writer = csv.DictWriter(sheet, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return sheet.getvalue()
