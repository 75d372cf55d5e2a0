"""From a fresh clone to a running portal: settings, database, admin, schedules, web server and worker."""

from __future__ import annotations

import base64
import http.client
import ipaddress
import os
import secrets
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connections

from portal import processes
from portal.management.commands.run_worker import outcome
from portal.models import ReportFile
from portal.tasks import install_schedules

DEFAULT_PORT = 8000
PORTS_TO_TRY = 20
ADMIN = "admin"
WEB_STARTS_WITHIN_SECONDS = 60.0
# A little longer than the worker gives its own cluster.
GRACE_SECONDS = 25.0
PRIVATE = 0o600
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- addresses to ask when all are served


class Command(BaseCommand):
    help = (
        "Start the portal on this machine: writes .env with random keys if there is none, migrates, makes "
        "an admin if there is none, and runs web server and worker until Ctrl-C."
    )
    # Django's checks run with `migrate`, once the settings are written.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--demo", action="store_true", help="Load a generated company to look at.")
        parser.add_argument("--host", default="127.0.0.1", help="Address to serve (default: %(default)s).")
        parser.add_argument("--port", type=int, help=f"Default: {DEFAULT_PORT}, or the next free one.")
        parser.add_argument("--no-input", action="store_true", help="Never ask anything (for scripts).")

    def handle(self, *args: Any, **options: Any) -> None:
        host: str = options["host"]
        listener = self._listen(host, options["port"])
        if write_env_file(settings.ENV_FILE, host):
            self._say(f"Wrote {settings.ENV_FILE} with new keys. Keep it: it is readable by you only.")
            listener.close()
            run_again_with_new_settings()
        self._must_suit(host)
        try:
            self._prepare_database(interactive=not options["no_input"])
            if options["demo"]:
                self._load_sample_company()
        except KeyboardInterrupt:
            raise CommandError("Stopped half way. The same command goes on from here.") from None
        stop_request = processes.StopRequest()
        password = make_admin()
        connections.close_all()
        self._serve(host, listener, password, stop_request)

    def _say(self, text: str) -> None:
        with suppress(OSError):  # the terminal may be gone; stopping must go on
            self.stdout.write(text)
            self.stdout.flush()

    def _must_suit(self, host: str) -> None:
        if settings.SECRET_KEY_IS_TEMPORARY:
            raise CommandError(
                f"{settings.ENV_FILE} has no SECRET_KEY. Add this line to it:\n"
                f"  SECRET_KEY={secrets.token_urlsafe(50)}",
                returncode=2,
            )
        if settings.HTTPS:
            raise CommandError(
                "HTTPS is on, and quickstart serves plain HTTP. "
                f"Set HTTPS=false in {settings.ENV_FILE}, or run gunicorn "
                "behind a proxy with TLS and `manage.py run_worker` beside it.",
                returncode=2,
            )
        if not is_loopback(host):
            self._say(f"Everybody who reaches {host} can see the login page, over plain HTTP.")

    def _listen(self, host: str, port: int | None) -> socket.socket:
        """The socket to serve on, held from here on: a taken port shows before anything is started."""
        ports = [port] if port else range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TO_TRY)
        for candidate in ports:
            try:
                return listen(host, candidate)
            except OSError as error:
                if port:
                    raise CommandError(
                        f"Port {port} of {host} cannot be served: {(error.strerror or str(error)).lower()}. "
                        f"Stop what uses it, or choose another: --port {port + 1}",
                        returncode=2,
                    ) from error
        raise CommandError(
            f"No port of {host} from {ports[0]} to {ports[-1]} is free. Name one that is: --port 9000",
            returncode=2,
        )

    def _prepare_database(self, *, interactive: bool) -> None:
        self._say("Preparing the database …")
        try:
            call_command("migrate", verbosity=0, interactive=interactive)
        except OperationalError as error:
            raise CommandError(
                f"The database does not answer: {error}. Check DATABASE_URL.", returncode=2
            ) from error
        settings.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        install_schedules()

    def _load_sample_company(self) -> None:
        if ReportFile.objects.exclude(source=ReportFile.Source.SAMPLE).exists():
            self._say("Sample data is left out: this portal has data of its own.")
            return
        self._say("Making a sample company and taking its files in …")
        call_command("load_sample_company", stdout=self.stdout)

    def _serve(
        self, host: str, listener: socket.socket, password: str | None, stop_request: processes.StopRequest
    ) -> None:
        """Run both until somebody stops us, or one of them ends and takes the other with it."""
        port = listener.getsockname()[1]
        web = start_web(host, listener)
        # Only the web server may hold it: else a dead one would leave browsers waiting.
        listener.close()
        worker = start_worker(f"http://{bracketed(EVERYWHERE.get(host, host))}:{port}")
        running = {"web server": web, "background worker": worker}
        try:
            stop_request.wait(
                WEB_STARTS_WITHIN_SECONDS,
                unless=lambda: answers(host, port) or ended(running) is not None,
            )
            if not stop_request and ended(running) is None and answers(host, port):
                self._announce(host, port, password)
                password = None
                while not stop_request and ended(running) is None:
                    stop_request.wait(1.0, unless=lambda: ended(running) is not None)
        finally:
            reason = ended(running)
            self._say("Stopping …" if reason is None else f"{reason} Stopping the other …")
            processes.stop(running.values(), GRACE_SECONDS)
            if password:
                # It was never shown, and is never shown again.
                self._say(f"The admin was made: user {ADMIN}, password {password}")
        if reason is not None:
            raise CommandError(reason)
        self._say("Stopped.")

    def _announce(self, host: str, port: int, password: str | None) -> None:
        url = f"http://{bracketed(EVERYWHERE.get(host, host))}:{port}/"
        if password:
            self._say(f"\nOpen {url}\n  user      {ADMIN}\n  password  {password}\n")
            self._say("The password is shown this once. Ctrl-C stops the portal.")
        else:
            self._say(f"\nOpen {url}\n  user and password are those set earlier;\n")
            self._say("`manage.py changepassword` sets a new one. Ctrl-C stops the portal.")


# --- Settings ---------------------------------------------------------------------------------


def write_env_file(path: Path, host: str) -> bool:
    """Write settings for serving `host`, with random keys, for our eyes only. False if there are some."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE)
    except FileExistsError:
        return False
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.", returncode=2) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(
            "# Written by `manage.py quickstart`; README.md explains every setting.\n"
            f"SECRET_KEY={secrets.token_urlsafe(50)}\n"
            f"CREDENTIAL_KEYS={base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}\n"
            f"AUDIT_KEYS={secrets.token_urlsafe(50)}\n"
            "# Served on this machine only, so without TLS.\n"
            "HTTPS=false\n"
            f"ALLOWED_HOSTS={','.join(hosts_for(host))}\n"
        )
    return True


def hosts_for(host: str) -> list[str]:
    """The host names that a browser may use to reach `host`."""
    hosts = ["localhost", "127.0.0.1", "[::1]"]
    if host in EVERYWHERE:
        hosts += [socket.gethostname(), socket.getfqdn()]
    elif bracketed(host) not in hosts:
        hosts.append(bracketed(host))
    return list(dict.fromkeys(name.lower() for name in hosts))


def run_again_with_new_settings() -> NoReturn:
    """Become the same command once more: settings are read once, when a process starts."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 -- the same command, no shell


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bracketed(host: str) -> str:
    """The host as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


# --- Admin ------------------------------------------------------------------------------------


def make_admin() -> str | None:
    """The password of a new admin; None where somebody may already administer the portal."""
    users = get_user_model()._default_manager
    if users.filter(is_superuser=True).exists() or users.filter(username=ADMIN).exists():
        return None
    password = secrets.token_urlsafe(15)
    users.create_superuser(ADMIN, "", password)
    return password


# --- Serving ----------------------------------------------------------------------------------


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address; OSError if another program has it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Lets a restart have the port at once; it does not share one that is being listened on.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def start_web(host: str, listener: socket.socket) -> subprocess.Popen[bytes]:
    """gunicorn on our socket: two processes of four threads."""
    from gunicorn.config import KNOWN_SETTINGS

    command = [
        *(sys.executable, "-m", "gunicorn", "portal.wsgi:application"),
        *("--chdir", str(settings.BASE_DIR), "--bind", f"fd://{listener.fileno()}"),
        *("--worker-class", "gthread", "--workers", "2", "--threads", "4", "--timeout", "60"),
        *("--preload", "--graceful-timeout", "5", "--max-requests", "2000", "--max-requests-jitter", "200"),
        *("--log-level", "warning"),
    ]
    if Path("/dev/shm").is_dir():  # noqa: S108 -- heartbeats on a memory disk never wait for a slow one
        command += ["--worker-tmp-dir", "/dev/shm"]  # noqa: S108
    if any("--no-control-socket" in (setting.cli or []) for setting in KNOWN_SETTINGS):
        command.append("--no-control-socket")
    # The address served may differ from the one that .env was written for.
    hosts = list(dict.fromkeys([*settings.ALLOWED_HOSTS, *hosts_for(host)]))
    env = {**os.environ, "ALLOWED_HOSTS": ",".join(hosts)}
    return processes.start(command, env=env, pass_fds=[listener.fileno()])


def start_worker(served: str) -> subprocess.Popen[bytes]:
    """The worker, whose mails link to what is served here unless PORTAL_URL says otherwise."""
    url = served if settings.PORTAL_URL_IS_ASSUMED else settings.PORTAL_URL
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "run_worker"]
    return processes.start(command, env={**os.environ, "PORTAL_URL": url})


def answers(host: str, port: int) -> bool:
    """Whether the web server says that it lives."""
    web = http.client.HTTPConnection(EVERYWHERE.get(host, host), port, timeout=5)
    try:
        web.request("GET", "/healthz")
        return web.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        web.close()


def ended(running: dict[str, subprocess.Popen[bytes]]) -> str | None:
    """A sentence about the first process that has ended, or None."""
    for name, process in running.items():
        if process.poll() is not None:
            return f"The {name} ended ({outcome(process)})."
    return None
