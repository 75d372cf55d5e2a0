from portal.admin import audit, background, connection, job, users

__all__ = ["audit", "background", "connection", "job", "users"]
