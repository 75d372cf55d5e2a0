from portal.admin import (
    audit,
    background,
    connection,
    job,
    report_run,
    report_schedule,
    saved_report,
    sync_schedule,
    users,
    worker,
)

__all__ = [
    "audit",
    "background",
    "connection",
    "job",
    "report_run",
    "report_schedule",
    "saved_report",
    "sync_schedule",
    "users",
    "worker",
]
