"""A mail server on loopback: it keeps what it takes, and refuses what it is told to refuse."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import django
from django.test import override_settings


@dataclass
class MailServer:
    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    conversations: int = 0
    # What it answers instead of yes, by the word it is asked with: {"RCPT": "550 5.1.1 no such user"}.
    answers: dict[str, str] = field(default_factory=dict)

    def talk(self, line: socket.socket) -> None:
        self.conversations += 1
        with line, line.makefile("rwb") as stream:
            self._say(stream, "220 here")
            for asked in stream:
                word = asked[:4].decode().strip().upper()
                if word in self.answers:
                    self._say(stream, self.answers[word])
                elif word == "EHLO":
                    self._say(stream, "250 here")
                elif word == "DATA":
                    self._say(stream, "354 go on")
                    self._take(stream)
                    self._say(stream, self.answers.get("TAKE", "250 taken"))
                elif word == "QUIT":
                    self._say(stream, "221 bye")
                    return
                else:
                    self._say(stream, "250 yes")

    def _take(self, stream: Any) -> None:
        lines = []
        for line in stream:
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b".") else line)
        self.mails.append(message_from_bytes(b"".join(lines), policy=policy.default))  # type: ignore[arg-type]

    @staticmethod
    def _say(stream: Any, answer: str) -> None:
        stream.write(answer.encode() + b"\r\n")
        stream.flush()


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Running, and what the portal's mails go to."""
    server = MailServer()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]

        def serve() -> None:
            while True:
                try:
                    line, _ = listener.accept()
                except OSError:
                    return  # closed: the test is over
                server.talk(line)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with sending_to(server.port):
            yield server
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@contextmanager
def sending_to(port: int) -> Iterator[None]:
    """Mails go to this port of loopback, as EMAIL_URL would have it."""
    backend = "django.core.mail.backends.smtp.EmailBackend"
    if django.VERSION >= (6, 1):
        options = {"host": "127.0.0.1", "port": port, "timeout": 5}
        chosen: dict[str, Any] = {"MAILERS": {"default": {"BACKEND": backend, "OPTIONS": options}}}
    else:
        chosen = {
            "EMAIL_BACKEND": backend,
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": port,
            "EMAIL_TIMEOUT": 5,
        }
    with override_settings(**chosen):
        yield
