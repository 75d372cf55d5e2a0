"""What is asked before something is decided over a batch: why, and how many."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextareaWidget


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))

    def __init__(self, *args: Any, asks: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].help_text = asks


class ApproveForm(ReasonForm):
    """With the number of seats to type, where the policy asks for it."""

    def __init__(self, *args: Any, typed: int | None = None, **kwargs: Any) -> None:
        super().__init__(*args, asks="Why may these seats be taken back? The audit keeps it.", **kwargs)
        if typed is not None:
            self.fields["typed"] = forms.IntegerField(
                label="Number of seats",
                widget=UnfoldAdminIntegerFieldWidget(attrs={"autocomplete": "off"}),
                help_text="To confirm, type how many seats are to be taken back.",
            )
