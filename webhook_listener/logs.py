"""Structured logs: one JSON object a line on standard output.

Ids and counts only: no payloads, names, e-mail addresses, tokens, signatures or URLs.
"""

import contextlib
import logging
import sys
import traceback
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import structlog
from structlog.typing import EventDict, WrappedLogger

_PROJECT = Path(__file__).resolve().parent.parent


def configure(*, beside_a_command: bool = False) -> None:
    """Send the product's and the libraries' logs to standard output as JSON.

    With ``beside_a_command`` only errors are told, on standard error: output is the command's.
    """
    output = sys.stderr if beside_a_command else sys.stdout
    level = logging.ERROR if beside_a_command else logging.INFO
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _where_not_what,
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Lines(output.buffer),
        cache_logger_on_first_use=not beside_a_command,
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(_JsonFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.WARNING))
    # Its warnings quote the server, which quotes rows; what fails is told by whoever asked.
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)
    logging.raiseExceptions = False  # as below: a log that cannot be written stops no work


def places(error: BaseException) -> list[str]:
    """Where in our own code an error passed, and where it was raised; never its text."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _PROJECT in Path(frame.filename).parents]
    return [
        f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
        for frame in (*ours, *(frame for frame in frames[-1:] if frame not in ours))
    ]


def _where_not_what(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    # An exception's text may quote a customer's data, so only its kind and its places are kept.
    if event.pop("exc_info", None):
        error = sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1]
        if error is not None:
            event["error"] = type(error).__name__
            event["places"] = places(error)
    return event


class _Lines:
    """Writes lines; a full disk or a closed pipe behind it must stop no work."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output

    def msg(self, line: bytes) -> None:
        """Write one line."""
        with contextlib.suppress(OSError, ValueError):
            self._output.write(line + b"\n")
            self._output.flush()

    debug = info = warning = error = exception = critical = msg


class _JsonFormatter(logging.Formatter):
    """Lines of libraries in the same form as ours."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "event": record.getMessage(),
            "logger": record.name,
            "level": record.levelname.lower(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            line.update(error=type(error).__name__, places=places(error))
        return orjson.dumps(line, default=str).decode()
