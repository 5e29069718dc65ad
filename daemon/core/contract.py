"""What daemon and workers agree on: task and queue names, and how Celery is set up on both sides.

A message carries a job id and nothing else: the ledger's row is the job, and a message is only a wake-up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TASKS: Mapping[str, str] = {"analyse": "thoraxd.analyse", "report": "thoraxd.report", "reject": "thoraxd.reject"}
# In this order: a report is short, and its study has waited longest.
QUEUES: Mapping[str, str] = {"report": "thoraxd-report", "reject": "thoraxd-report", "analyse": "thoraxd-analyse"}

LEASE_S = 15.0  # how long a silent worker keeps a job
RENEW_S = 4.0
MAX_ATTEMPTS = 5  # a job that has cost so many workers their life is FAILED


def celery_config(broker_url: str) -> dict[str, Any]:
    """Celery's settings, the same on both sides."""
    return {
        "broker_url": broker_url,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": {
            # Redis holds an unacknowledged message this long; the ledger's lease is what really counts.
            "visibility_timeout": 3600,
            "queue_order_strategy": "priority",
            "socket_timeout": 10,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
        },
        "task_ignore_result": True,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_default_queue": QUEUES["analyse"],
        "task_routes": {TASKS[kind]: {"queue": QUEUES[kind]} for kind in TASKS},
    }


def redis_url(broker_url: str) -> str:
    """A broker URL as redis-py spells it: Celery has a scheme of its own for sockets."""
    return broker_url.replace("redis+socket://", "unix://", 1)
