"""structlog, set up once: JSON for machines, columns for people."""

import logging
import sys
from collections.abc import MutableMapping
from enum import StrEnum
from typing import Any, Final, TextIO, cast

import orjson
import structlog

from ._redact import redact


class Format(StrEnum):
    """How a line is written."""

    JSON = "json"
    CONSOLE = "console"


class Level(StrEnum):
    """What a level means.

    ERROR: somebody should look. WARNING: wrong, but expected to heal. INFO: an outcome a user
    cares about. DEBUG: an outcome only a developer cares about, such as "nothing to do".
    """

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


Logger = structlog.typing.FilteringBoundLogger

_NUMBERS: Final = logging.getLevelNamesMapping()


def get_logger(name: str) -> Logger:
    """The logger of one module; cheap, and may be called before :func:`configure`."""
    return cast("Logger", structlog.get_logger(logger_name=name))


def configure(
    *,
    format: Format | str = Format.JSON,  # noqa: A002 - the flag is called so, too
    level: Level | str = Level.INFO,
    stream: TextIO | None = None,
) -> None:
    """Say how and what to log, for the whole process; standard error unless ``stream`` is given.

    Lines of libraries that use :mod:`logging` appear from WARNING on, in the same form.
    """
    number = _NUMBERS[Level(level).upper()]
    _configure_structlog(Format(format), number, stream)
    logging.basicConfig(handlers=[_Forward()], level=max(number, logging.WARNING), force=True)


def _configure_structlog(format_: Format, number: int, stream: TextIO | None) -> None:
    colors = (stream or sys.stderr).isatty()
    structlog.configure(
        processors=_processors(format_, colors=colors),
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: _Lines(stream),
        cache_logger_on_first_use=False,
    )


class _Lines:
    """Writes lines; without a stream, to what is standard error at that time."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def msg(self, message: str) -> None:
        """One line with one call, so that lines of several processes do not mix."""
        stream = self._stream or sys.stderr
        stream.write(message + "\n")
        stream.flush()

    log = debug = info = warn = warning = error = err = exception = critical = fatal = msg


def _processors(format_: Format, *, colors: bool) -> list[structlog.typing.Processor]:
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        structlog.processors.format_exc_info,
        redact,
    ]
    if format_ is Format.CONSOLE:
        return [
            *shared,
            structlog.dev.ConsoleRenderer(
                colors=colors,
                timestamp_key="ts",
                exception_formatter=structlog.dev.plain_traceback,  # locals may hold secrets
            ),
        ]
    return [*shared, _to_json]


def _to_json(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    """Named as zap names them, which is what log pipelines of operators expect."""
    head = {
        "level": event.pop("level", ""),
        "ts": event.pop("ts", ""),
        "logger": event.pop("logger_name", ""),
        "msg": event.pop("event", ""),
    }
    return orjson.dumps(head | dict(event), default=str, option=orjson.OPT_NON_STR_KEYS).decode()


class _Forward(logging.Handler):
    """Hands lines of :mod:`logging` on, so that one stream holds them all."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line; a traceback goes with it."""
        log = get_logger(record.name)
        try:
            log.log(record.levelno, record.getMessage(), exc_info=record.exc_info or None)
        except Exception:  # noqa: BLE001 - a broken line of a library must not break its caller
            self.handleError(record)


if not structlog.is_configured():
    # structlog's own default shows local variables with a traceback, and they may hold secrets.
    _configure_structlog(Format.CONSOLE, logging.INFO, None)
