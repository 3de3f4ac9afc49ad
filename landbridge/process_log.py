"""What a process says of itself: JSON lines on stderr. Never an identifier of a subject."""

import logging
import sys
import traceback
from typing import Any

import structlog

_NEVER = frozenset({"subject", "subject_id", "identifier", "value", "values", "case_reference"})


def _redact(
    _logger: object, _name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    return {key: "[redacted]" if key in _NEVER else item for key, item in event.items()}


def open_process_log(**facts: str) -> Any:  # noqa: ANN401  structlog's own type for bound loggers
    """Open the process log with facts that stand on every line, such as agency and role."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _redact,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    return structlog.get_logger().bind(**facts)


def tell_failure(log: Any, error: Exception) -> None:  # noqa: ANN401  as above
    """Tell of a failure with its cause and place in the code; never with the values at hand."""
    cause = error.__cause__ or error
    frames = traceback.extract_tb(cause.__traceback__)
    log.error(
        "failed",
        code=getattr(error, "code", ""),
        error=type(cause).__name__,
        why=str(cause) if isinstance(cause, OSError) else "",
        place=f"{frames[-1].name}:{frames[-1].lineno}" if frames else "",
    )
