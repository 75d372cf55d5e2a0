"""What the sheets of all tables have in common: looked up at once, checked line by line, written in bulk."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import date
from typing import Any, ClassVar

import tablib
from django.core.exceptions import ValidationError
from django.db import DatabaseError, models, transaction
from import_export import fields, resources
from import_export.results import RowResult

from portal.bulk import update_rows
from seats.sheets import constraints
from seats.sheets.difference import SHOWN, SHOWN_UNCHANGED, SheetDiff
from seats.sheets.formats import Cell, Sheet
from seats.sheets.lookups import LookupWidget
from seats.sheets.widgets import DayWidget, plain, widget_of

MEANWHILE = (
    "Somebody changed the same rows at this moment, or two lines contradict each other. "
    "Nothing was written: look at the preview once more."
)


class KeptByHandResource(resources.ModelResource):
    """Rows are validated as a form would, and one wrong row keeps the whole file out.

    `key` names the attributes by which a line finds its row; of a new file a row has one line.
    """

    key: ClassVar[tuple[str, ...]] = ()
    # What is computed from the rest, and written along with it.
    computed: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[tuple[str, ...]] = ()
    """Columns that a sheet cannot do without."""
    told_only: ClassVar[tuple[str, ...]] = ()
    """Columns that go out and are not looked at when they come in."""

    class Meta:
        clean_model_instances = True
        skip_unchanged = True
        report_skipped = True
        store_instance = True
        store_row_values = True
        use_transactions = True
        use_bulk = True
        batch_size = None
        import_id_fields: ClassVar[list[str]] = []

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        self._report: Callable[[int], None] = kwargs.get("report") or (lambda done: None)
        self._existing: dict[Hashable, list[Any]] = defaultdict(list)
        self._met: dict[Hashable, int] = {}
        self._shown = {True: 0, False: 0}
        self._digest = hashlib.sha256()

    # --- Out ------------------------------------------------------------------------------------

    def headers(self) -> list[str]:
        return [str(header) for header in self.get_export_headers()]

    def lines(self, queryset: models.QuerySet[Any]) -> Iterator[list[Cell]]:
        """The rows as cells, a chunk at a time."""
        chosen = self.get_queryset().filter(pk__in=queryset.order_by().values("pk")).order_by("pk")
        for row in chosen.iterator(chunk_size=1000):
            yield self.export_resource(row)

    # --- In: before the first line ----------------------------------------------------------------

    @classmethod
    def widget_from_django_field(cls, f: Any, default: Any = None) -> Any:
        return widget_of(f) or super().widget_from_django_field(f, default)

    @classmethod
    def widget_kwargs_for_field(cls, field_name: str, django_field: Any) -> dict[str, Any]:
        return {}

    @classmethod
    def get_diff_class(cls) -> type[SheetDiff]:
        return SheetDiff

    def missing(self, headers: Iterable[str]) -> list[str]:
        """Columns that a sheet with these headers would need besides."""
        return [name for name in self.needs if name not in set(headers)]

    def take(self, sheet: Sheet, *, by: Any, dry_run: bool) -> Any:
        """Try a sheet whose headers are ours, or take it in; the library's result."""
        self._numbers = sheet.numbers
        dataset = tablib.Dataset(*sheet.rows, headers=sheet.headers)
        return self.import_data(
            dataset, dry_run=dry_run, raise_errors=False, rollback_on_validation_errors=True, user=by
        )

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        for field in self.get_import_fields():
            if isinstance(field.widget, LookupWidget) and field.column_name in (dataset.headers or []):
                with contextlib.suppress(ValueError):
                    field.widget.load(self._texts(dataset, field.column_name))
        self.prepare(dataset)

    def _texts(self, dataset: Any, column: str) -> list[str]:
        texts = []
        for value in dataset[column]:
            with contextlib.suppress(ValueError):
                texts.append(plain(value))
        return texts

    def prepare(self, dataset: Any) -> None:
        """Load the rows that lines may speak of."""
        for instance in self.get_queryset():
            self._existing[self.key_of(instance)].append(instance)

    # --- In: line by line -------------------------------------------------------------------------

    def key_of(self, instance: Any) -> Hashable:
        return tuple(_comparable(getattr(instance, name)) for name in self.key)

    def key_of_row(self, row: Any) -> Hashable:
        """By the columns of the key. Raises ValueError where one cannot be read."""
        return tuple(_comparable(self.cell(row, name)) for name in self.key)

    def cell(self, row: Any, attribute: str) -> Any:
        """What the line says of this attribute; the default where its column is not there or empty."""
        field = next(field for field in self.get_import_fields() if field.attribute == attribute)
        value = field.clean(row) if field.column_name in row else None
        return self.default_of(attribute) if value in (None, "") else value

    def default_of(self, attribute: str) -> Any:
        field = self._meta.model._meta.get_field(attribute)
        return None if field.is_relation else field.get_default()

    def get_instance(self, instance_loader: Any, row: Any) -> Any:
        """The row that this line speaks of; None where it cannot be read: its fields then say why."""
        try:
            return self.find(row)
        except ValueError:
            return None

    def find(self, row: Any) -> Any:
        found = self._existing.get(self.key_of_row(row))
        return found[0] if found else None

    def before_import_row(self, row: Any, **kwargs: Any) -> None:
        self._number = self._numbers[kwargs["row_number"] - 1]
        if kwargs["row_number"] % 100 == 0:
            self._report(kwargs["row_number"])

    def after_init_instance(self, instance: Any, new: bool, row: Any, **kwargs: Any) -> None:
        """Refuse a second line about the same row."""
        try:
            keys = self.identities(row, instance, new)
        except ValueError:
            return
        for key in keys:
            first = self._met.setdefault(key, self._number)
            if first != self._number:
                raise ValidationError(f"Row {first} speaks of the same already. Keep one of the two.")

    def identities(self, row: Any, instance: Any, new: bool) -> Sequence[Hashable]:
        """What of a file one line alone may say. Raises ValueError where a cell of them cannot be read."""
        return (self.identity(row, instance, new),)

    def identity(self, row: Any, instance: Any, new: bool) -> Hashable:
        return self.key_of_row(row)

    def import_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        """As the library's; what cannot be read is told by the attribute it is for."""
        errors: dict[str, Any] = {}
        for field in self.get_import_fields():
            if field.column_name not in row or field.readonly:
                continue
            try:
                self.import_field(field, instance, row, **kwargs)
            except ValueError as error:
                errors[field.attribute] = ValidationError(str(error), code="invalid")
        if errors:
            raise ValidationError(errors)

    def import_field(self, field: Any, instance: Any, row: Any, is_m2m: bool = False, **kwargs: Any) -> None:
        value = field.clean(row)
        if instance._state.adding and value in (None, ""):
            value = self.when_empty(field.attribute, value)
        setattr(instance, field.attribute, value)

    def when_empty(self, attribute: str, value: Any) -> Any:
        """What an empty cell is in a new row: what a form would begin with, where there must be something."""
        column = self._meta.model._meta.get_field(attribute)
        if column.is_relation or column.null or column.blank or not column.has_default():
            return value
        return column.get_default()

    def validate_instance(
        self,
        instance: Any,
        import_validation_errors: dict[str, Any] | None = None,
        validate_unique: bool = True,
    ) -> None:
        errors: dict[str, Any] = dict(import_validation_errors or {})
        relations = {field.name for field in instance._meta.concrete_fields if field.is_relation}
        try:
            instance.clean_fields(exclude={*errors, *relations})
        except ValidationError as error:
            errors = error.update_error_dict(errors)
        for name in relations - errors.keys():
            field = instance._meta.get_field(name)
            if (
                not field.null
                and getattr(instance, name if field.is_cached(instance) else field.attname) is None
            ):
                errors[name] = ValidationError("This cannot be empty.", code="null")
        if errors:
            raise ValidationError(errors)
        # Only of cells that can be read is asked what they say together.
        self.check(instance)
        if says := constraints.broken(instance):
            raise ValidationError([ValidationError(sentence) for sentence in says])

    def check(self, instance: Any) -> None:
        """What the row's fields say together; without asking the database. Raises ValidationError."""
        instance.clean()

    def before_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        if instance._state.adding:
            self.begin(instance, kwargs.get("user"))
        self.complete(instance)

    def begin(self, instance: Any, by: Any) -> None:
        """What a new row has besides."""

    def complete(self, instance: Any) -> None:
        """What is computed from the rest."""

    def import_row(self, row: Any, instance_loader: Any, **kwargs: Any) -> Any:
        result = super().import_row(row, instance_loader, **kwargs)
        self._shown[result.import_type != RowResult.IMPORT_TYPE_SKIP] += 1
        result.number = self._number
        if result.import_type == RowResult.IMPORT_TYPE_SKIP:
            # Of a hundred thousand rows that stay as they are nothing need be kept.
            result.instance, result.row_values = None, {}
        return result

    def note_change(self, was: Sequence[Cell], now: Sequence[Cell]) -> None:
        """A line changes these cells; of what nobody wrote in a sheet, as an hour, nothing is noted."""
        kept = [number for number, field in enumerate(self.get_import_fields()) if not field.readonly]
        self.note(*(row[number] for row in (was, now) for number in kept))

    def note(self, *values: Any) -> None:
        """What else this line changes, or ends, goes into the digest as well."""
        self._digest.update(json.dumps([self._number, *map(repr, values)]).encode())

    @property
    def digest(self) -> str:
        """Of all that the sheet changes, cell by cell: the same as long as the same would be written."""
        return self._digest.hexdigest()

    def is_shown_enough(self, *, changes: bool) -> bool:
        return self._shown[changes] >= (SHOWN if changes else SHOWN_UNCHANGED)

    def skip_row(
        self, instance: Any, original: Any, row: Any, import_validation_errors: dict[str, Any] | None = None
    ) -> bool:
        if instance._state.adding:
            return False
        return bool(super().skip_row(instance, original, row, import_validation_errors))

    # --- In: at the end ---------------------------------------------------------------------------

    def bulk_create(
        self,
        using_transactions: bool,
        dry_run: bool,
        raise_errors: bool,
        batch_size: int | None = None,
        result: Any = None,
    ) -> None:
        """Rows that change, then rows that are new: what ends makes room for what begins."""
        try:
            with transaction.atomic():
                self.write_changed(self.update_instances)
                self.write_new(self.create_instances)
        except DatabaseError as error:
            result.append_base_error(self.get_error_result_class()(ValidationError(MEANWHILE)))
            result.base_errors[-1].cause = error
        finally:
            self.update_instances.clear()
            self.create_instances.clear()

    def write_changed(self, rows: Sequence[Any]) -> None:
        update_rows(rows, self.written)

    def write_new(self, rows: Sequence[Any]) -> None:
        self._meta.model.objects.bulk_create(rows, batch_size=500)

    @property
    def written(self) -> list[str]:
        names = [field.attribute for field in self.get_import_fields() if not field.readonly]
        return [*dict.fromkeys((*names, *self.computed))]

    def handle_import_error(self, result: Any, error: Any, raise_errors: bool = False) -> None:
        result.append_base_error(self.get_error_result_class()(error))


def day_of(row: Any, column: str) -> date | None:
    """The day a cell tells; None where it is empty or not there."""
    return DayWidget().clean(row.get(column))


def texts_of(dataset: Any, columns: Iterable[str]) -> set[str]:
    """What these columns of a sheet say, blanks around it left out; those that are no text as well."""
    said = set()
    for column in columns:
        if column in (dataset.headers or []):
            for value in dataset[column]:
                with contextlib.suppress(ValueError):
                    said.add(plain(value).strip())
    return said - {""}


def column(name: str, attribute: str, widget: Any, *, readonly: bool = False) -> fields.Field:
    return fields.Field(column_name=name, attribute=attribute, widget=widget, readonly=readonly)


def _comparable(value: Any) -> Any:
    return value.pk if isinstance(value, models.Model) else value
