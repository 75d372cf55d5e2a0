"""The upload form: which files, and what only the person who brings them can say."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone
from unfold.widgets import INPUT_CLASSES, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from metrics.ingest.options import Options

FORMATS = "NDJSON, JSON, CSV, or any of them as .gz or .zip"


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """One file or several; an empty one is let through, since the preview says it better."""

    widget = FilesInput(attrs={"class": "upload-input"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_empty_file=True, **kwargs)

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        files = data if isinstance(data, list) else [data]
        return [super(FilesField, self).clean(file, initial) for file in files or [None]]


class SaidForm(forms.Form):
    """What is said with files that come in parts."""

    organization = forms.CharField(
        required=False,
        max_length=255,
        label="Organization",
        help_text="Its login. Needed for seat lists of an organization, for activity reports and for days "
        "of the older metrics and usage APIs, which do not say where they come from.",
        widget=UnfoldAdminTextInputWidget(attrs={"list": "known-organizations", "autocomplete": "off"}),
    )
    enterprise = forms.CharField(
        required=False,
        max_length=255,
        label="or enterprise",
        help_text="Its slug, if the files are of a whole enterprise.",
        widget=UnfoldAdminTextInputWidget(attrs={"list": "known-enterprises", "autocomplete": "off"}),
    )
    team = forms.CharField(
        required=False,
        max_length=255,
        label="Team",
        help_text="Its slug. Only for days that the older metrics or usage API gave of one team.",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )
    taken_at = forms.DateTimeField(
        required=False,
        label="Saved at (UTC)",
        help_text="When you saved a seat list or days of the older APIs. If left empty, the newest moment "
        "that the file itself mentions counts.",
        widget=forms.DateTimeInput(
            attrs={"type": "datetime-local", "class": " ".join(INPUT_CLASSES)}, format="%Y-%m-%dT%H:%M"
        ),
    )
    complete = forms.BooleanField(
        required=False,
        label="This is the complete list",
        help_text="Whoever is not in the file is taken to be gone: seats missing from a complete seat list "
        "end, people missing from a complete day are removed from it. The preview shows whom that meets. "
        "Leave it off when in doubt; an incomplete file only adds and changes.",
        widget=UnfoldBooleanWidget(),
    )

    def clean_taken_at(self) -> datetime | None:
        taken_at: datetime | None = self.cleaned_data["taken_at"]
        if taken_at and taken_at > timezone.now():
            raise forms.ValidationError("This lies in the future. The time is in UTC.")
        return taken_at

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("organization") and cleaned.get("enterprise"):
            self.add_error("enterprise", "Name the organization or the enterprise, not both.")
        return cleaned

    def options(self) -> Options:
        said = self.cleaned_data
        return Options(
            organization=said["organization"].strip(),
            enterprise=said["enterprise"].strip(),
            team=said["team"].strip(),
            taken_at=said["taken_at"],
            complete=said["complete"],
        )


class UploadForm(SaidForm):
    report_files = FilesField(
        label="Files",
        help_text=f"{FORMATS}. What a file is, is told from its content, not from its name.",
        error_messages={"required": "Choose at least one file."},
    )
