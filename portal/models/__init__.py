from portal.models.audit import AuditEntry, AuditHead
from portal.models.connection import Connection
from portal.models.job import Job
from portal.models.rejected_line import RejectedLine
from portal.models.report_file import ReportFile
from portal.models.report_run import ReportRun
from portal.models.report_schedule import ReportSchedule
from portal.models.saved_report import SavedReport
from portal.models.sync_schedule import SyncSchedule
from portal.models.table_stamp import TableStamp
from portal.models.worker_heartbeat import WorkerHeartbeat

__all__ = [
    "AuditEntry",
    "AuditHead",
    "Connection",
    "Job",
    "RejectedLine",
    "ReportFile",
    "ReportRun",
    "ReportSchedule",
    "SavedReport",
    "SyncSchedule",
    "TableStamp",
    "WorkerHeartbeat",
]
