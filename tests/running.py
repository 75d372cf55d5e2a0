"""A whole portal in processes of its own, as `quickstart` starts it: for tests from outside."""

from __future__ import annotations

import fcntl
import http.cookiejar
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from tests import prepared_database

ROOT = Path(__file__).resolve().parent.parent
MANAGE = ROOT / "manage.py"
STARTS_WITHIN_SECONDS = 300.0  # on a slow machine that does much else
PEOPLE_OF_DEMO = 120
STOPS_WITHIN_SECONDS = 90.0
OF_THE_TESTS = (
    "DATA_DIR",
    "DATABASE_URL",
    "DJANGO_SETTINGS_MODULE",
    "ENV_FILE",
    "HTTPS",
    "REDIS_URL",
    "SECRET_KEY",
)


def environment(folder: Path) -> dict[str, str]:
    """The environment of somebody who has set nothing, and keeps everything in `folder`."""
    env = {name: value for name, value in os.environ.items() if name not in OF_THE_TESTS}
    return {
        **env,
        "ENV_FILE": str(folder / ".env"),
        "DATABASE_URL": f"sqlite:///{folder / 'portal.sqlite3'}",
        "PORTAL_TEST_MARK": uuid.uuid4().hex,
    }


def migrated(folder: Path) -> Path:
    """An SQLite file with every table and nothing else, for portals that need not begin at nothing."""
    env = {**environment(folder), "SECRET_KEY": "only-to-make-tables", "HTTPS": "false"}
    made = Path(env["DATABASE_URL"].removeprefix("sqlite:///"))
    prepared = os.environ.get("PORTAL_TESTS_TABLES", "")
    if prepared.endswith(".sqlite3"):
        prepared_database.copy_file(Path(prepared), made)
    else:
        subprocess.run(
            [sys.executable, str(MANAGE), "migrate", "--verbosity", "0"], cwd=ROOT, env=env, check=True
        )
    return made


def furnish(folder: Path, tables: Path) -> None:
    """Let a portal in this folder begin with these tables, made by `migrated`."""
    shutil.copy(tables, folder / "portal.sqlite3")


def demo(folder: Path) -> str:
    """Fill the folder with what `quickstart --demo` leaves, of fewer people; the password of its admin.

    That is made once for a run, by the first process that asks, and copied by all.
    """
    shared = Path(os.environ["PORTAL_TESTS_SHARED"])
    made, kept = shared / "demo", shared / "demo-password"
    with (shared / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir()
            migrated(made)
            with Portal(made) as portal:
                password = portal.password
                assert portal.stop() == 0, portal.output
            company = [sys.executable, str(MANAGE), "load_sample_company", "--people", str(PEOPLE_OF_DEMO)]
            subprocess.run(company, cwd=ROOT, env=portal.env, check=True, stdout=subprocess.DEVNULL)
            kept.write_text(password)
        shutil.copytree(made, folder, dirs_exist_ok=True)
        return kept.read_text()


class Portal:
    """`manage.py quickstart …`, started; ends with the `with` block.

    `password` is its admin's where an earlier start has made one.
    """

    def __init__(
        self, folder: Path, *options: str, env: dict[str, str] | None = None, password: str | None = None
    ) -> None:
        self.env = env or environment(folder)
        self._password = password
        self.log = folder / f"quickstart-{uuid.uuid4().hex[:6]}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(MANAGE), "quickstart", "--no-input", *options],
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Portal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.stop()
        for pid in self.alive():
            os.kill(pid, signal.SIGKILL)

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def url(self) -> str:
        """Where it is, without the last slash; waits until it says so."""
        return self.printed(r"Open (http://\S+)/")

    @property
    def database(self) -> str:
        """The path of its SQLite file."""
        return self.env["DATABASE_URL"].removeprefix("sqlite:///")

    @property
    def password(self) -> str:
        return self._password or self.printed(r"password  (\S+)")

    def printed(self, pattern: str) -> str:
        """The first group of `pattern` in what it prints; waits for it."""
        deadline = time.monotonic() + STARTS_WITHIN_SECONDS
        while time.monotonic() < deadline:
            if found := re.search(pattern, self.output):
                return found[1]
            assert self.process.poll() is None, f"quickstart ended:\n{self.output}"
            time.sleep(0.1)
        raise AssertionError(f"quickstart never printed {pattern}:\n{self.output}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it with a signal; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(STOPS_WITHIN_SECONDS)

    def alive(self) -> list[int]:
        """Every process that carries this portal's mark, its children's children included (Linux)."""
        return [pid for pid, _command in processes_marked(self.env["PORTAL_TEST_MARK"])]

    def runs(self, words: str) -> bool:
        """Whether one of its processes has `words` in its command line."""
        return any(words in command for _pid, command in processes_marked(self.env["PORTAL_TEST_MARK"]))

    def pid_of(self, words: str) -> int:
        """The oldest process of this portal whose command line holds `words`."""
        return min(pid for pid, command in processes_marked(self.env["PORTAL_TEST_MARK"]) if words in command)

    def browser(self) -> Browser:
        """A browser without JavaScript, logged in as the admin."""
        browser = Browser(self.url)
        browser.log_in("admin", self.password)
        return browser


class Browser:
    """Cookies and forms: enough to see what a person without JavaScript sees."""

    def __init__(self, url: str) -> None:
        self.url = url
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(jar, urllib.request.ProxyHandler({}))

    def get(self, path: str) -> str:
        with self._opener.open(self.url + path, timeout=30) as answer:
            return str(answer.read().decode())

    def post(self, path: str, **fields: str) -> str:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(path))
        assert token is not None, f"{path} has no form"
        fields["csrfmiddlewaretoken"] = token[1]
        with self._opener.open(
            self.url + path, urllib.parse.urlencode(fields).encode(), timeout=30
        ) as answer:
            return str(answer.read().decode())

    def log_in(self, username: str, password: str) -> None:
        page = self.post("/login/", username=username, password=password, next="/")
        assert 'name="password"' not in page, "the login was refused"


def processes_marked(mark: str) -> Iterator[tuple[int, str]]:
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            if f"PORTAL_TEST_MARK={mark}".encode() in (folder / "environ").read_bytes():
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if command:  # a zombie has none
                    yield int(folder.name), command
        except OSError:
            continue  # it ended meanwhile, or belongs to somebody else


def wait_for(what: str, happened: Callable[[], object], seconds: float = 90.0) -> None:
    """Return once `happened()` is true; fail naming `what` when it takes longer."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {what}"
        time.sleep(0.1)
