"""Take a file back out: what the other files say stands again."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from metrics.undo import CannotUndo, undo
from metrics.undo.preview import Preview, preview
from portal.kept_files import BeingTakenIn
from portal.models import ReportFile


class Command(BaseCommand):
    help = (
        "Undo a file that was taken in. Without --execute it says what would become of it and changes "
        "nothing. Exit status 0: done, or it could be; 2: it cannot be undone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="the file's number, or the beginning of its sha256")
        parser.add_argument("--execute", action="store_true", help="undo it")
        parser.add_argument("--json", action="store_true", help="the last line of output is one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        file = found(options["file"])
        answer = self._undo(file) if options["execute"] else self._tell(preview(file))
        if options["json"]:
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
        if answer.get("refused"):
            raise SystemExit(2)

    _said = ""

    def _tell_step(self, done: int, total: int, note: str) -> None:
        """Each step once, however far it is."""
        step = note.partition(":")[0]
        if step != self._said:
            self._said = step
            self.stderr.write(step)

    def _undo(self, file: ReportFile) -> dict[str, Any]:
        try:
            done = undo(file, on_step=self._tell_step)
        except (CannotUndo, BeingTakenIn) as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write(
            f"{file.name} (file {file.pk}) is undone: {done.days:,} days made anew, "
            f"{done.seats:,} seats settled."
        )
        return {"file": file.pk, "undone": True, "days": done.days, "seats": done.seats}

    def _tell(self, seen: Preview) -> dict[str, Any]:
        file = seen.file
        answer: dict[str, Any] = {"file": file.pk, "undone": False, "refused": seen.refused}
        if seen.refused:
            self.stderr.write(f"{file.name} (file {file.pk}) cannot be undone: {seen.refused}")
            return answer
        self.stdout.write(f"{file.name} (file {file.pk}) would be undone:")
        for name, number in seen.rows:
            self.stdout.write(f"  {number:,} {name} stand by it")
        for name, before, after in seen.totals:
            self.stdout.write(f"  {name}: {before:,} now, {after:,} without it")
        for other, number in seen.restored:
            self.stdout.write(f"  {number:,} rows come back from {other.name} (file {other.pk})")
        self.stdout.write(f"  {len(seen.figures):,} figures would move")
        for sentence in seen.stays:
            self.stdout.write(f"  {sentence}")
        self.stdout.write("Nothing was changed: add --execute to undo it.")
        return answer | {
            "rows": dict(seen.rows),
            "before_and_after": {name: [before, after] for name, before, after in seen.totals},
            "restored": [{"file": other.pk, "rows": number} for other, number in seen.restored],
            "figures": seen.figures,
            "stays": list(seen.stays),
        }


def found(said: str) -> ReportFile:
    """The file of this number, or the newest of this content."""
    files = ReportFile.objects.exclude(state=ReportFile.State.UNDONE)
    file = files.filter(pk=said).first() if said.isdecimal() and len(said) < 19 else None
    if file is None and len(said) >= 8:
        same = list(files.filter(sha256__startswith=said.lower()).order_by("-pk")[:50])
        if len({(one.sha256, one.subject) for one in same}) > 1:
            raise CommandError(f"Several files begin with {said}: name one by its number.", returncode=2)
        file = same[0] if same else None
    if file is None:
        raise CommandError(f"There is no file {said} that could be undone.", returncode=2)
    return file
