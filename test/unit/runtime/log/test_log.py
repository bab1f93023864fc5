"""Lines as they are written, and what is never on them."""

import io
import json
import logging

import pytest
import structlog

from metal3.api.core import v1 as corev1
from metal3.runtime import log
from metal3.runtime.types import NamespacedName


@pytest.fixture
def lines():
    """Lines of JSON logged in a test; the configuration is put back afterwards."""
    stream = io.StringIO()
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    log.configure(format="json", level="info", stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.configure(**before)
    root.handlers[:], root.level = handlers, level


def test_a_line_has_time_level_logger_message_and_values(lines):
    """In the order and under the names log pipelines of operators know."""
    log.get_logger("me").info("host is busy", host="h", retry_after=5)
    (line,) = lines()
    assert list(line) == ["level", "ts", "logger", "msg", "host", "retry_after"]
    assert (line["level"], line["logger"], line["msg"]) == ("info", "me", "host is busy")


def test_what_is_below_the_level_is_not_written(lines):
    """Debug lines cost next to nothing in production."""
    log.get_logger("me").debug("nothing to do")
    assert lines() == []


def test_bound_values_are_on_every_line_inside(lines):
    """Also when bound twice; afterwards they are as before."""
    with log.bound(controller="c"):
        with log.bound(name="x"):
            log.get_logger("me").info("in")
        log.get_logger("me").info("between")
    log.get_logger("me").info("out")
    assert [(line.get("controller"), line.get("name")) for line in lines()] == [
        ("c", "x"),
        ("c", None),
        (None, None),
    ]


def test_lines_of_libraries_are_in_the_same_stream(lines):
    """From warning on, with their arguments filled in."""
    logging.getLogger("some.library").info("chatter")
    logging.getLogger("some.library").warning("watch %s", "out")
    (line,) = lines()
    assert (line["logger"], line["msg"], line["level"]) == ("some.library", "watch out", "warning")


@pytest.mark.parametrize(
    "values",
    [
        {"password": "hunter2"},
        {"bmc_password": "hunter2"},
        {"bmcPassword": "hunter2"},
        {"nested": {"list": [{"X-Auth-Token": "hunter2"}]}},
        {"headers": "Authorization: Bearer hunter2hunter2"},
        {"url": "https://admin:hunter2@bmc.example/redfish"},
        {"error": OSError("cannot reach https://admin:hunter2@bmc")},
        {"pem": "-----BEGIN EC PRIVATE KEY-----\nhunter2\n-----END EC PRIVATE KEY-----"},
        {"secret": corev1.new_secret("s", "ns", {"password": "hunter2"})},
        {"userData": "hunter2"},
    ],
    ids=str,
)
def test_secrets_are_never_written(lines, values):
    """By the name of the key, by the form of the text, or because it is an object."""
    log.get_logger("me").info("doing", **values)
    assert "hunter2" not in json.dumps(lines())
    assert "aHVudGVyMg" not in json.dumps(lines())


def test_a_traceback_shows_neither_locals_nor_secrets(lines):
    """The exception's text is scrubbed, too."""

    def fail():
        password = "hunter2"
        raise OSError(f"http://u:{password}@h failed")

    try:
        fail()
    except OSError:
        log.get_logger("me").exception("broke")
    (line,) = lines()
    assert "Traceback" in line["exception"]
    assert "u:hunter2" not in line["exception"]


def test_names_of_secrets_are_no_secrets(lines):
    """Where to look must stay visible, and so must whether there is a value at all."""
    key = NamespacedName("ns", "bmc-secret")
    log.get_logger("me").info("missing", secret=key, secret_name="x", password="")
    (line,) = lines()
    assert (line["secret"], line["secret_name"], line["password"]) == ("ns/bmc-secret", "x", "")


def test_the_console_form_is_for_people():
    """One line with the message, the logger and the values; a plain traceback."""
    stream, before = io.StringIO(), structlog.get_config()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        log.configure(format="console", level="debug", stream=stream)
        log.get_logger("me").debug("looking", host="h")
    finally:
        structlog.configure(**before)
        root.handlers[:], root.level = handlers, level
    assert "looking" in stream.getvalue()
    assert "host=h" in stream.getvalue()
