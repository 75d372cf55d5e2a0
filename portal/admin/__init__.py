from portal.admin import audit, background, connection, job, sync_schedule, users, worker

__all__ = ["audit", "background", "connection", "job", "sync_schedule", "users", "worker"]
