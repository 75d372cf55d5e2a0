"""Redis as the queue, by choice (BROKER=redis).

It hands a message out once and for all, so a killed worker takes its messages along: the jobs' own rows
tell the reaper what to send again.
"""

from django_q.brokers.redis_broker import Redis

from portal.brokers import Beating


class RedisBroker(Beating, Redis):  # type: ignore[misc]  # untyped
    pass
