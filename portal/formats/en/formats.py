"""Days as people and spreadsheets both read them, instants in UTC to the minute."""

DATE_FORMAT = SHORT_DATE_FORMAT = "Y-m-d"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "Y-m-d H:i e"
TIME_FORMAT = "H:i"
# The first is also how a form shows a time.
TIME_INPUT_FORMATS = ["%H:%M", "%H:%M:%S"]
