"""Pushes what happens to nodes out of Ironic, by HTTP: no message broker is needed.

Ironic's notifications go to drivers that oslo.messaging finds by entry point. Ours POSTs a small
JSON object for each event of a node to the URL in ``METAL3_NOTIFY_URL``, with the token in the
file that ``METAL3_NOTIFY_TOKEN_FILE`` names, if there is one. Ironic never waits for it: events
queue up, and when the receiver is away for too long the newest are dropped, which a reader must
expect of a push anyway.
"""

import json
import logging
import os
import queue
import threading
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LOG = logging.getLogger(__name__)

NAME = "metal3_http"
URL_VARIABLE = "METAL3_NOTIFY_URL"
TOKEN_VARIABLE = "METAL3_NOTIFY_TOKEN_FILE"  # noqa: S105 - the name of a variable
EVENTS = "baremetal.node."
# Nothing else of a node leaves Ironic: other fields may hold secrets.
FIELDS = (
    "uuid",
    "name",
    "provision_state",
    "target_provision_state",
    "power_state",
    "target_power_state",
    "maintenance",
    "fault",
    "last_error",
)
QUEUE_SIZE = 10_000
TIMEOUT = 5.0


class Driver:
    """A notification driver as oslo.messaging wants one."""

    def __init__(self, conf: object, topics: object, transport: object) -> None:
        self._url = os.environ.get(URL_VARIABLE, "")
        if not self._url.startswith(("http://", "https://")):
            raise ValueError(f"{URL_VARIABLE} must be an HTTP URL")
        self._token_file = os.environ.get(TOKEN_VARIABLE, "")
        self._queue: queue.Queue[bytes] = queue.Queue(QUEUE_SIZE)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def notify(
        self, ctxt: object, message: Mapping[str, Any], priority: object, retry: object
    ) -> None:
        """Queue one notification; called in the conductor's threads."""
        event = select(message)
        if event is None:
            return
        self._start()
        try:
            self._queue.put_nowait(json.dumps(event).encode())
        except queue.Full:
            LOG.warning("an event was dropped: %s", event["event_type"])

    def _start(self) -> None:
        """Start in the process that notifies: the conductor forks after this was constructed."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._send, name="notify", daemon=True)
                self._thread.start()

    def _send(self) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while True:
            body = self._queue.get()
            try:
                with opener.open(self._request(body), timeout=TIMEOUT):
                    pass
            except OSError as e:
                LOG.warning("an event was lost: %s", e)

    def _request(self, body: bytes) -> urllib.request.Request:
        """The token is read each time, so that it may be replaced; raises OSError without it."""
        headers = {"Content-Type": "application/json"}
        if self._token_file:
            token = Path(self._token_file).read_text(encoding="utf-8").strip()
            headers["Authorization"] = f"Bearer {token}"
        return urllib.request.Request(  # noqa: S310  # the scheme was checked
            self._url, data=body, headers=headers, method="POST"
        )


def select(message: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is sent of a notification; ``None`` if it is not about a node."""
    event_type = str(message.get("event_type", ""))
    if not event_type.startswith(EVENTS):
        return None
    data: Mapping[str, Any] = message.get("payload", {}).get("ironic_object.data", {})
    event = {"event_type": event_type, "timestamp": str(message.get("timestamp", ""))}
    return event | {name: data.get(name) for name in FIELDS}
