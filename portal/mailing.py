"""Hand mails to the mail server, and say in plain words what it answered.

The words never hold what the server said, nor the address: an answer may repeat both.
"""

from __future__ import annotations

import smtplib
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import django
from django.conf import settings
from django.core import mail
from django.core.mail import EmailMessage

from portal.one_line import on_one_line

# Keeps holiday replies away.
AUTOMATIC = {"Auto-Submitted": "auto-generated"}
# Backends that show mails, or keep them, instead of sending them.
SHOWN_ONLY = ("console", "dummy", "filebased", "locmem")


class Refused(Exception):
    """The mail server does not take this one mail; str() is a sentence for an admin."""


class Unreachable(Exception):
    """The mail server takes no mail at all, or not now; str() is a sentence for an admin.

    `may_have_left`: it fell silent while it took the mail, so nobody knows whether it did.
    """

    may_have_left = False


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that goes with a mail."""

    name: str
    content: bytes
    content_type: str


class Outbox:
    """One connection to the mail server for many mails, opened with the first."""

    def __init__(self) -> None:
        self._backend: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hang_up()

    def send(self, to: str, subject: str, body: str, attached: Attached | None = None) -> None:
        """Send one mail, its subject on one line. Raises Refused or Unreachable."""
        message = EmailMessage(subject=on_one_line(subject), body=body, to=[to], headers=AUTOMATIC)
        if attached is not None:
            message.attach(attached.name, attached.content, attached.content_type)
        try:
            message.message()  # an address or subject that cannot stand in a mail is found here
        except ValueError as error:
            raise Refused("The address or the subject cannot be written in a mail.") from error
        try:
            if self._backend is None:
                self._backend = _backend()
                self._backend.open()
            self._backend.send_messages([message])
        except (OSError, smtplib.SMTPException) as error:
            # In what state the conversation is left is not known: the next mail begins a new one.
            was_talking = self._backend is not None and getattr(self._backend, "connection", None) is not None
            self._hang_up()
            said = _in_words(error)
            if isinstance(said, Unreachable):
                said.may_have_left = was_talking and not isinstance(error, smtplib.SMTPResponseException)
            raise said from None

    def _hang_up(self) -> None:
        backend, self._backend = self._backend, None
        if backend is not None:
            with suppress(OSError, smtplib.SMTPException):
                backend.close()


def _backend() -> Any:
    if django.VERSION >= (6, 1):
        return mail.mailers.default
    return mail.get_connection()


def _in_words(error: Exception) -> Refused | Unreachable:
    match error:
        case smtplib.SMTPRecipientsRefused():
            return Refused(f"The mail server does not take mail for this address{_codes(error)}.")
        case smtplib.SMTPDataError():
            return Refused(f"The mail server does not take this mail ({error.smtp_code}).")
        case smtplib.SMTPSenderRefused():
            return Unreachable(
                f"The mail server does not take mail from DEFAULT_FROM_EMAIL ({error.smtp_code})."
            )
        case smtplib.SMTPAuthenticationError():
            return Unreachable(
                f"The mail server refuses the login ({error.smtp_code}): "
                "look at the user and password in EMAIL_URL."
            )
    return Unreachable(
        f"The mail server could not be spoken to ({type(error).__name__}): look at EMAIL_URL, "
        "and whether the server can be reached from here."
    )


def _codes(error: smtplib.SMTPRecipientsRefused) -> str:
    codes = sorted({code for code, _ in error.recipients.values()})
    return f" ({', '.join(map(str, codes))})" if codes else ""


def is_shown_only() -> bool:
    """Whether mails end up on a console or in a file, and reach nobody."""
    backend = settings.MAIL["EMAIL_BACKEND"]
    return backend.split(".")[-2] in SHOWN_ONLY
