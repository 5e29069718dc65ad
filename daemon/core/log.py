"""Events, not prose: `log.info("instance.stored", study=…)`. No patient data: UIDs, AE titles, codes and counts only.

The libraries below us are less careful (pydicom puts the offending value into its warnings), so their records are
dropped below CRITICAL and their warnings are not printed.
"""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from typing import Any

import structlog

_CARELESS = ("pydicom", "pynetdicom", "highdicom", "py.warnings", "pylibjpeg", "libjpeg", "openjpeg", "uvicorn")


def configure(level: str, style: str) -> None:
    """Set up this process. level: debug…error; style: auto (text on a terminal, JSON elsewhere), text or json."""
    text = style == "text" or (style == "auto" and sys.stderr.isatty())
    renderer: Any = structlog.dev.ConsoleRenderer() if text else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        # One write a line: daemon and workers share a terminal or a journal.
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    threading.excepthook = _thread_error
    hush()


def _thread_error(died: threading.ExceptHookArgs) -> None:
    """A library's thread ended by an error: an event, in place of Python's traceback with its values."""
    if died.exc_value is not None:
        kind, name = type(died.exc_value).__name__, died.thread.name if died.thread else "?"
        structlog.get_logger().error("thread.error", thread=name, kind=kind, at=where(died.exc_value))


def hush() -> None:
    """Keep the values of data elements, which may name a patient, out of logs and warnings."""
    import pydicom.config  # here, because commands that only read the ledger need no DICOM

    for name in _CARELESS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    warnings.simplefilter("ignore")
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE


def where(error: BaseException) -> str:
    """The innermost place of an error in our own code, as module:line; its text may name a patient."""
    place = "?"
    trace = error.__traceback__
    while trace is not None:
        name = str(trace.tb_frame.f_globals.get("__name__", ""))
        if name.split(".")[0] in ("daemon", "worker", "model"):
            place = f"{name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
