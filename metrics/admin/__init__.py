from metrics.admin import days, rejected_line, report_file, user_day

__all__ = ["days", "rejected_line", "report_file", "user_day"]
