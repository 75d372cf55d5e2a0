"""One module per file format: detect, parse, validate. Knows no Django.

`sources` opens what lies on disk, `kinds` says what it is, `records` cuts it into records, and each
format's module says what a record means or, as a BadRecord, what is wrong with it.
"""

from metrics.formats.errors import BadRecord, Unreadable
from metrics.formats.kinds import Kind, identify
from metrics.formats.records import Broken, Record, records
from metrics.formats.sources import Source, expand, sources

__all__ = [
    "BadRecord",
    "Broken",
    "Kind",
    "Record",
    "Source",
    "Unreadable",
    "expand",
    "identify",
    "records",
    "sources",
]
