"""One module per file format: detect, parse, validate. Knows no Django.

`sources` opens what lies on disk, `kinds` says what it is, `records` cuts it into records, and each
format's module says what a record means or, as a BadRecord, what is wrong with it.
"""
