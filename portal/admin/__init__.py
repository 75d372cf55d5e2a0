from portal.admin import audit, background, job, users

__all__ = ["audit", "background", "job", "users"]
