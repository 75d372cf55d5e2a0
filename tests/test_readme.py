"""What the README says to paste is there, and what is there is in the README."""

from __future__ import annotations

import re
from pathlib import Path

from portal.reports import registry

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def pasted() -> list[str]:
    """The lines of the README's shell blocks, without their comments."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    return [
        line.partition("  #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()
    ]


def section(title: str) -> str:
    return README.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_one_line_makes_and_runs_a_demo_portal() -> None:
    [line] = [line for line in pasted() if line.startswith("python3 -m venv") and "quickstart" in line]

    assert line.endswith("manage.py quickstart --demo")


def test_one_line_installs_and_runs_the_tests() -> None:
    [line] = [line for line in pasted() if line.startswith("python3 -m venv") and "pytest" in line]

    assert line.endswith(".venv/bin/pytest")


def test_it_names_every_command_and_no_other() -> None:
    rows = re.findall(r"^\| `([a-z_]+)[ `]", section("Commands").partition("| report |")[0], re.MULTILINE)
    files = {
        path.stem
        for app in ("portal", "seats", "metrics")
        for path in (ROOT / app / "management" / "commands").glob("[!_]*.py")
    }

    assert set(rows) == files


def test_it_names_every_report_and_no_other() -> None:
    rows = re.findall(r"^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \| per ", section("Commands"), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z-]+)`", row)}

    assert named == {report.name for report in registry.all_reports()}


def test_every_file_it_points_to_exists() -> None:
    targets = re.findall(r"\]\((?!https?://)([^)#]+)\)", README)
    code = re.findall(r"`((?:portal|seats|metrics|tests)/[\w/.]*)`", README)

    assert [target for target in targets + code if not (ROOT / target).exists()] == []


def test_every_extra_it_installs_exists() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = set(re.findall(r"'\.\[(\w+)\]'", README))

    assert extras
    assert [extra for extra in extras if not re.search(rf"^{extra} = \[", pyproject, re.MULTILINE)] == []
