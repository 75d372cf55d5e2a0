"""`export_report NAME`: a report as CSV, XLSX or NDJSON, on stdout or in a file."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.reports import registry
from portal.reports.base import Report, ReportError, ReportQuery
from portal.reports.exports import noted
from portal.reports.options import PERIOD, STANDARD, Option

SUFFIXES = {".xlsx": "xlsx", ".ndjson": "ndjson"}


class ByteSink(Protocol):
    def write(self, chunk: bytes, /) -> Any: ...


class Command(BaseCommand):
    help = "Write a report as CSV, XLSX or NDJSON."
    # A script may run this often and in a pipe: no checks, nothing on stdout that is not the report.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = "exit status:\n  0  written\n  2  nothing written: the question cannot be answered"
        add = parser.add_argument
        add("name", nargs="?", metavar="NAME", help="which report; --list shows them all")
        add("--list", action="store_true", dest="list_reports", help="list the reports and their columns")
        add("--organization", metavar="LOGIN", help="only this organization")
        add("--enterprise", metavar="SLUG", help="only this enterprise")
        for option in _options():
            add(option.flag, dest=option.name, metavar=option.metavar or None, help=option.help)
        add("--format", metavar="csv|xlsx|ndjson", help="default: by the file's ending, else csv")
        add(
            "--header",
            action="store_true",
            help="say in the file what it is: scope, days, freshness, columns",
        )
        add("--output", metavar="FILE", help="write a file, whole or not at all; default: stdout")
        add("--json", action="store_true", help="end with one line of JSON about what was written")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["list_reports"]:
                self.list_reports(as_json=options["json"])
            else:
                self.export(options)
        except ReportError as error:
            raise CommandError(str(error), returncode=2) from None
        except BrokenPipeError:
            # Whoever read us has seen enough, as `head` does. Python would complain once more when it
            # flushes stdout at exit.
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def list_reports(self, *, as_json: bool) -> None:
        reports = registry.all_reports()
        if as_json:
            self.stdout.write(json.dumps({"reports": [_described(report) for report in reports]}))
            return
        for report in reports:
            columns = _described(report)["columns"]
            self.stdout.write(f"{report.name}: {report.question}")
            self.stdout.write(f"    columns: {', '.join(columns)}")
            self.stdout.write(f"    order: {report.order}")
            if report.options:
                self.stdout.write(f"    options: {' '.join(sorted(report.options))}")

    def export(self, options: dict[str, Any]) -> None:
        if not options["name"]:
            raise ReportError("Name a report; --list shows them all.")
        report = registry.get(options["name"])
        for option in _options():
            if options[option.name] not in (None, "") and option not in report.taken():
                raise ReportError(f"The report {report.name} does not take {option.flag}.")
        query = report.read(options)
        output = "" if options["output"] in (None, "-") else str(options["output"])
        file_format = str(options["format"] or SUFFIXES.get(Path(output).suffix.lower(), "csv"))
        numbers: list[int] = []
        chunks = noted(
            report,
            query,
            file_format,
            asked=report.filters(options),
            by=None,
            how="command line",
            with_header=options["header"],
            counted=numbers.append,
        )
        if output:
            _save(chunks, Path(output))
        else:
            self.print_report(chunks, file_format, as_json=options["json"])
        self.conclude(report, file_format, numbers[0], output, as_json=options["json"])

    def print_report(self, chunks: Iterator[bytes], file_format: str, *, as_json: bool) -> None:
        if file_format == "xlsx" and (as_json or self.stdout.isatty()):
            raise ReportError("An XLSX file is not text: name a file with --output.")
        sink = self.byte_sink(file_format)
        for chunk in chunks:
            sink.write(chunk)
        self.stdout.flush()

    def byte_sink(self, file_format: str) -> ByteSink:
        """Stdout's bytes, so that neither locale nor platform changes the file."""
        text = getattr(self.stdout, "_out", self.stdout)
        if hasattr(text, "buffer"):
            return cast("BinaryIO", text.buffer)
        if file_format == "xlsx":
            raise ReportError("An XLSX file is not text: name a file with --output.")
        return _Decoded(text)

    def conclude(self, report: Report, file_format: str, rows: int, output: str, *, as_json: bool) -> None:
        if output:
            self.stdout.write(f"{rows:,} {'row' if rows == 1 else 'rows'} written to {output}.")
        if as_json:
            summary = {"report": report.name, "format": file_format, "rows": rows, "output": output or None}
            self.stdout.write(json.dumps(summary))


class _Decoded:
    """Takes bytes for a stream that has none, as a caller's StringIO."""

    def __init__(self, text: Any) -> None:
        self.text = text

    def write(self, chunk: bytes, /) -> None:
        # Chunks end with a line, never inside a character.
        self.text.write(chunk.decode())


def _options() -> list[Option]:
    """What any report takes, each flag once."""
    own = [option for report in registry.all_reports() for option in report.own_options]
    return list({option.flag: option for option in (PERIOD, *STANDARD.values(), *own)}.values())


def _described(report: Report) -> dict[str, Any]:
    return {
        "name": report.name,
        "title": report.title,
        "question": report.question,
        "columns": [column.name for column in report.columns(ReportQuery())],
        "order": report.order,
        "options": sorted(report.options),
    }


def _save(chunks: Iterator[bytes], path: Path) -> None:
    """Write beside the file and rename: whoever reads it sees the old one or the new one, whole."""
    if path.is_dir():
        raise ReportError(f"{path} is a folder: name a file in it.")
    if path.exists() and not path.is_file():
        # A pipe or a device is written to, never replaced.
        with path.open("wb") as target:
            target.writelines(chunks)
        return
    path = path.resolve()
    beside = path.with_name(f".{path.name[:200]}.{secrets.token_hex(6)}.part")
    try:
        with beside.open("xb") as target:
            target.writelines(chunks)
        beside.replace(path)
    except OSError as error:
        raise ReportError(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        beside.unlink(missing_ok=True)
