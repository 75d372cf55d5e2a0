from metrics.admin import days, legacy_day, rejected_line, report_file, repository_day, restatement, user_day

__all__ = ["days", "legacy_day", "rejected_line", "report_file", "repository_day", "restatement", "user_day"]
