"""How the gateway writes its own log: one record a line on standard error, ours and the libraries' alike."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import Processor

from gateway.settings import LogFormat, LogLevel

# Libraries that tell each request or statement at `info`.
_CHATTY = ("httpx", "httpcore", "uvicorn.access", "alembic", "sqlalchemy")


def set_up_logging(level: LogLevel, form: LogFormat) -> None:
    """Send every record of this process to standard error. Safe to repeat."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_tracebacks(form),
                _renderer(form),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.value.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _tracebacks(form: LogFormat) -> list[Processor]:
    # The renderer for people shows the traceback itself.
    if form is LogFormat.TEXT:
        return []
    # Local variables hold users' secrets.
    return [structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))]


def _renderer(form: LogFormat) -> Processor:
    if form is LogFormat.JSON:
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
