"""A double of Ironic's API: nodes with their state machine, locks, faults, versions and paging.

It carries requests like a transport, so that whole lives run in virtual time. Steps take
``step_time`` seconds; what a step leads to can be set per node (``fails``).
"""

import asyncio
import collections
import copy
import itertools
import json
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from metal3.provisioner.ironic._errors import UnreachableError
from metal3.provisioner.ironic._transport import Reply

LATENCY = 0.005
JSON = dict[str, Any]

# state, action -> working state, state at the end, state after a failure
ACTIONS = {
    ("enroll", "manage"): ("verifying", "manageable", "enroll"),
    ("manageable", "inspect"): ("inspecting", "manageable", "inspect failed"),
    ("inspect failed", "inspect"): ("inspecting", "manageable", "inspect failed"),
    ("inspect failed", "manage"): ("", "manageable", ""),
    ("inspect wait", "abort"): ("", "inspect failed", ""),
    ("manageable", "provide"): ("cleaning", "available", "clean failed"),
    ("manageable", "clean"): ("cleaning", "manageable", "clean failed"),
    ("clean wait", "abort"): ("", "clean failed", ""),
    ("clean failed", "manage"): ("", "manageable", ""),
    ("available", "manage"): ("", "manageable", ""),
    ("available", "active"): ("deploying", "active", "deploy failed"),
    ("deploy failed", "active"): ("deploying", "active", "deploy failed"),
    ("wait call-back", "abort"): ("", "deploy failed", ""),
    ("active", "deleted"): ("deleting", "available", "error"),
    ("deploy failed", "deleted"): ("deleting", "available", "error"),
    ("wait call-back", "deleted"): ("deleting", "available", "error"),
    ("error", "deleted"): ("deleting", "available", "error"),
    ("service failed", "deleted"): ("deleting", "available", "error"),
    ("service wait", "deleted"): ("deleting", "available", "error"),
    ("manageable", "adopt"): ("adopting", "active", "adopt failed"),
    ("adopt failed", "adopt"): ("adopting", "active", "adopt failed"),
    ("adopt failed", "manage"): ("", "manageable", ""),
    ("active", "service"): ("servicing", "active", "service failed"),
    ("service failed", "service"): ("servicing", "active", "service failed"),
    ("service failed", "abort"): ("", "active", ""),
    ("service wait", "abort"): ("", "service failed", ""),
}
LOCKED = {"verifying", "inspecting", "cleaning", "deploying", "deleting", "adopting", "servicing"}
DELETABLE = {"enroll", "manageable", "available", "adopt failed", "clean failed"}
NEW_FIELDS = {"disable_power_off": 95, "health": 109}
SECRETS = re.compile("password")
VMEDIA_STATUS = 93


class RefusedError(Exception):
    """An error answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class FakeIronic:
    """What the tests turn and look at is public."""

    def __init__(self, *, minor: int = 115, step_time: float = 5.0, page: int = 1000) -> None:
        self.minor = minor
        self.step_time = step_time
        self.page = page
        self.down = False
        self.refusal: RefusedError | None = None
        self.drivers = ["redfish", "ipmi"]
        self.nodes: dict[str, JSON] = {}
        self.ports: dict[str, JSON] = {}
        self.inventories: dict[str, JSON] = {}
        self.histories: dict[str, list[JSON]] = {}
        self.fails: dict[str, str] = {}
        self.refuses: dict[tuple[str, str], RefusedError] = {}
        self.invalid: dict[str, str] = {}
        self.bios: list[JSON] = []
        self.firmware: list[JSON] = []
        self.media: dict[str, list[JSON]] = {}
        self.subscriptions: dict[str, JSON] = {}
        self.password: str | None = None
        """The only password the BMCs take; None lets any in."""
        self.calls: list[tuple[str, str, Any]] = []
        self._known: dict[str, str] = {}
        self._due: list[tuple[float, int, Any]] = []
        self._made: collections.Counter[str] = collections.Counter()
        self._order = itertools.count()
        self._moves = itertools.count(1)

    # What a test says about nodes.

    def add(self, name: str = "metal3~host-0", **fields: Any) -> JSON:
        """A node that was there before; one that is made again has another identity."""
        self._made[name] += 1
        again = f" {self._made[name]}" if self._made[name] > 1 else ""
        node = {
            "uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, name + again)),
            "name": name,
            "driver": "redfish",
            "provision_state": "manageable",
            "target_provision_state": None,
            "provision_updated_at": "0",
            "power_state": "power on",
            "target_power_state": None,
            "maintenance": False,
            "fault": None,
            "last_error": None,
            "reservation": None,
            "instance_uuid": None,
            "instance_info": {},
            "driver_info": {},
            "properties": {},
            "network_data": {},
            "automated_clean": None,
            "boot_interface": "redfish-virtual-media",
            "deploy_interface": "direct",
            "inspect_interface": "agent",
            "raid_interface": "redfish",
            "firmware_interface": "redfish",
            "inspection_finished_at": None,
            "disable_power_off": False,
            "health": None,
        } | fields
        self.nodes[node["uuid"]] = node
        return node

    def set(self, node: JSON, **fields: Any) -> None:
        """Something happens to a node without the operator."""
        node.update(fields)
        node["provision_updated_at"] = str(next(self._moves))

    def writes(self) -> list[tuple[str, str, Any]]:
        """Requests that were no GET."""
        return [call for call in self.calls if call[0] != "GET"]

    def targets(self) -> list[str]:
        """Provision states that were asked for."""
        return [b["target"] for _, path, b in self.calls if path.endswith("/states/provision")]

    # The transport.

    async def prepare(self) -> None:
        """It is here."""

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        """Serve one request after a short time."""
        await asyncio.sleep(LATENCY)
        if self.down:
            raise UnreachableError("Ironic cannot be reached: connection refused")
        self._advance()
        split = urlsplit(path)
        given = json.loads(body) if body else None
        self.calls.append((method, split.path, given))
        try:
            if self.refusal is not None:
                raise self.refusal
            minor = self._negotiated(headers)
            status, answer = self._serve(
                method, split.path.strip("/").split("/"), dict(parse_qsl(split.query)), given, minor
            )
        except RefusedError as error:
            fault = {"faultstring": str(error), "faultcode": "Client", "debuginfo": None}
            return Reply(error.status, json.dumps({"error_message": fault}).encode())
        return Reply(status, json.dumps(answer).encode() if answer is not None else b"")

    async def aclose(self) -> None:
        """Nothing to close."""

    def _negotiated(self, headers: Mapping[str, str]) -> int:
        minor = int(headers.get("X-OpenStack-Ironic-API-Version", "1.1").split(".")[1])
        if minor > self.minor:
            raise RefusedError(
                406, f"version 1.{minor} was requested, 1.{self.minor} is the highest"
            )
        return minor

    def _serve(  # noqa: PLR0911 - a row per path
        self, method: str, parts: list[str], query: Mapping[str, str], body: Any, minor: int
    ) -> tuple[int, Any]:
        match method, parts:
            case "GET", [""]:
                version = {"version": f"1.{self.minor}", "min_version": "1.1"}
                return 200, {"default_version": version}
            case "GET", ["v1", "drivers"]:
                return 200, {"drivers": [{"name": name} for name in self.drivers]}
            case "GET", ["v1", "nodes"]:
                return 200, self._page("nodes", list(self.nodes.values()), query, minor)
            case "POST", ["v1", "nodes"]:
                return 201, self._create(body, minor)
            case "GET", ["v1", "ports"]:
                return 200, self._page("ports", self._matching_ports(query), query, minor)
            case "POST", ["v1", "ports"]:
                return 201, self._create_port(body)
            case _, ["v1", "nodes", ident, *rest]:
                return self._node_request(method, self._find(ident), rest, query, body, minor)
            case _:
                raise RefusedError(404, "no such path")

    def _page(self, kind: str, entries: list[JSON], query: Mapping[str, str], minor: int) -> JSON:
        if query.get("sort_key") == "updated_at":
            self._stamp()
            assert query.keys() == {"detail", "sort_key", "sort_dir", "limit"}
            entries = sorted(entries, key=lambda entry: entry["updated_at"] or "", reverse=True)
        else:
            entries = sorted(entries, key=lambda entry: entry["uuid"])
            entries = [e for e in entries if e["uuid"] > query.get("marker", "")]
        size = min(int(query.get("limit", "1000")), self.page)
        shown = [self._shown(entry, query, minor) for entry in entries[:size]]
        answer: JSON = {kind: shown}
        if len(entries) > size:
            answer["next"] = "http://ironic.example/elsewhere"
        return answer

    def _stamp(self) -> None:
        """Whatever changed since somebody wanted to know bears the time; to the second only."""
        now = asyncio.get_running_loop().time()
        for identity, node in self.nodes.items():
            node.setdefault("updated_at", None)
            content = json.dumps(node | {"updated_at": None}, sort_keys=True)
            if self._known.setdefault(identity, content) != content:
                self._known[identity] = content
                node["updated_at"] = datetime.fromtimestamp(int(now), UTC).isoformat()

    def _shown(self, entry: JSON, query: Mapping[str, str], minor: int) -> JSON:
        fields = query["fields"].split(",") if "fields" in query else list(entry)
        if "updated_at" in query.get("fields", "").split(","):
            raise RefusedError(400, "updated_at is no field to ask for")
        for field in fields:
            if NEW_FIELDS.get(field, 0) > minor and "fields" in query:
                raise RefusedError(406, f"field {field} is not available")
        shown: JSON = {field: entry.get(field) for field in fields}
        if "driver_info" in shown:
            info = entry["driver_info"]
            shown["driver_info"] = {
                k: "******" if SECRETS.search(k) else v for k, v in info.items()
            }
        return copy.deepcopy(shown)

    def _find(self, ident: str) -> JSON:
        for node in self.nodes.values():
            if ident in {node["uuid"], node["name"]}:
                return node
        raise RefusedError(404, f"Node {ident} could not be found.")

    def _create(self, body: JSON, minor: int) -> JSON:
        if any(node["name"] == body["name"] for node in self.nodes.values()):
            raise RefusedError(409, f"A node with name {body['name']} already exists.")
        self._fail_if_refused("POST", "nodes")
        if "disable_power_off" in body and minor < NEW_FIELDS["disable_power_off"]:
            raise RefusedError(406, "disable_power_off is not available")
        node = self.add(**body | {"provision_state": "enroll", "power_state": None})
        return self._shown(node, {}, minor)

    def _matching_ports(self, query: Mapping[str, str]) -> list[JSON]:
        wanted = {k: query[k] for k in ("address", "node_uuid") if k in query}
        return [p for p in self.ports.values() if all(p[k] == v for k, v in wanted.items())]

    def _create_port(self, body: JSON) -> JSON:
        if any(port["address"] == body["address"] for port in self.ports.values()):
            raise RefusedError(409, f"A port with MAC address {body['address']} already exists.")
        return self.add_port(**body)

    def add_port(self, address: str, node_uuid: str, **fields: Any) -> JSON:
        """A port that was there before."""
        port = {"uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, address)), "address": address}
        port |= {"node_uuid": node_uuid} | fields
        self.ports[port["uuid"]] = port
        return port

    def _node_request(
        self,
        method: str,
        node: JSON,
        rest: list[str],
        query: Mapping[str, str],
        body: Any,
        minor: int,
    ) -> tuple[int, Any]:
        self._fail_if_refused(method, "/".join(rest))
        if rest == ["vmedia"]:
            return self._vmedia(method, node, body, minor)
        if rest == ["vendor_passthru"]:
            return self._passthru(query["method"], body)
        if method == "GET":
            return 200, self._read(node, rest, query, minor)
        self._write(method, node, rest, body)
        shown = self._shown(node, {}, minor) if method == "PATCH" else None
        return (200 if shown else 202), shown

    def _read(self, node: JSON, rest: list[str], query: Mapping[str, str], minor: int) -> JSON:
        if rest == ["inventory"] and node["uuid"] not in self.inventories:
            raise RefusedError(404, "no inventory")
        readers: dict[str, Any] = {
            "": lambda: self._shown(node, query, minor),
            "inventory": lambda: self.inventories[node["uuid"]],
            "validate": lambda: {p: _validity(self.invalid.get(p)) for p in ("boot", "deploy")},
            "history": lambda: {"history": self.histories.get(node["uuid"], [])},
            "bios": lambda: {"bios": self.bios},
            "firmware": lambda: {"firmware": self.firmware},
            "management/boot_device": lambda: self._boot_device(node),
        }
        answer: JSON = readers["/".join(rest)]()
        return answer

    def _boot_device(self, node: JSON) -> JSON:
        """The BMC is asked, with the login the node has."""
        self._unlocked(node)
        if self.password not in {None, node["driver_info"].get("redfish_password")}:
            raise RefusedError(500, "Redfish exception occurred. Error: HTTP GET returned code 401")
        return {"boot_device": "disk", "persistent": True}

    def _write(self, method: str, node: JSON, rest: list[str], body: Any) -> None:
        match method, rest:
            case "PATCH", []:
                self._unlocked(node)
                for operation in body:
                    _apply(node, operation)
            case "DELETE", []:
                self._delete(node)
            case "PUT", ["states", "provision"]:
                self._provision(node, body)
            case "PUT", ["states", "power"]:
                self._power(node, body["target"])
            case "PUT", ["states", "raid"]:
                node["target_raid_config"] = body
            case "PUT", ["maintenance"]:
                node.update(maintenance=True, maintenance_reason=body["reason"])
            case "DELETE", ["maintenance"]:
                node.update(maintenance=False, fault=None)
            case _:
                raise RefusedError(404, "no such path")

    def _vmedia(self, method: str, node: JSON, body: Any, minor: int) -> tuple[int, Any]:
        if minor < VMEDIA_STATUS:
            raise RefusedError(404, "no such path")
        media = self.media.setdefault(node["uuid"], [])
        if method == "GET":
            return 200, {"vmedia": media}
        media.clear()
        if method == "POST":
            media.append({"inserted": True, "image": body["image_url"]})
        return 204, None

    def _passthru(self, method: str, body: JSON) -> tuple[int, Any]:
        if method == "create_subscription":
            identity = str(len(self.subscriptions) + 1)
            self.subscriptions[identity] = body
            return 200, {"Id": identity}
        if self.subscriptions.pop(body["id"], None) is None:
            raise RefusedError(404, "no such subscription")
        return 204, None

    def _fail_if_refused(self, method: str, what: str) -> None:
        error = self.refuses.get((method, what))
        if error is not None:
            raise error

    def _unlocked(self, node: JSON) -> None:
        if node["provision_state"] in LOCKED or node["reservation"]:
            raise RefusedError(
                409, f"Node {node['uuid']} is locked by host conductor-1, please retry later."
            )

    def _delete(self, node: JSON) -> None:
        self._unlocked(node)
        if node["provision_state"] not in DELETABLE and not node["maintenance"]:
            raise RefusedError(409, "Can not delete node while it is in this state.")
        if node["instance_uuid"] and not node["maintenance"]:
            raise RefusedError(409, "Node is associated with an instance.")
        del self.nodes[node["uuid"]]
        self.ports = {k: p for k, p in self.ports.items() if p["node_uuid"] != node["uuid"]}

    def _provision(self, node: JSON, body: JSON) -> None:
        self._unlocked(node)
        target = body["target"]
        if (node["provision_state"], target) not in ACTIONS:
            state = node["provision_state"]
            raise RefusedError(
                400,
                f'The requested action "{target}" can not be performed on node '
                f'"{node["uuid"]}" while it is in state "{state}".',
            )
        if node["maintenance"]:
            raise RefusedError(400, "The node is in maintenance.")
        working, done, failed = ACTIONS[node["provision_state"], target]
        if not working:
            error = "The action was aborted by request." if target == "abort" else None
            self.set(node, provision_state=done, target_provision_state=None, last_error=error)
            return
        self.set(node, provision_state=working, target_provision_state=done, last_error=None)
        self._later(lambda: self._finish(node, target, done, failed))

    def _finish(self, node: JSON, target: str, done: str, failed: str) -> None:
        if (error := self.fails.pop(target, None)) is not None:
            self.set(node, provision_state=failed, last_error=error, target_provision_state=None)
            if failed == "clean failed":
                node.update(maintenance=True, fault="clean failure")
            return
        self.set(node, provision_state=done, target_provision_state=None)
        if target == "manage":
            node["power_state"] = "power off"
        if target == "inspect":
            node["inspection_finished_at"] = "now"
            self.inventories.setdefault(node["uuid"], {"inventory": {}, "plugin_data": {}})
        if target == "active":
            node["power_state"] = "power on"
        if target == "deleted":
            node.update(instance_info={}, instance_uuid=None, power_state="power off")

    def _power(self, node: JSON, target: str) -> None:
        self._unlocked(node)
        end = "power off" if target.endswith("off") else "power on"
        node.update(target_power_state=end, last_error=None)

        def finish() -> None:
            node["target_power_state"] = None
            if (error := self.fails.pop("power", None)) is not None:
                node["last_error"] = error
            else:
                node["power_state"] = end

        self._later(finish)

    def _later(self, action: Any) -> None:
        due = asyncio.get_running_loop().time() + self.step_time
        self._due.append((due, next(self._order), action))

    def _advance(self) -> None:
        """What should have happened by now happens, in order."""
        now = asyncio.get_running_loop().time()
        ripe = sorted(entry for entry in self._due if entry[0] <= now)
        self._due = [entry for entry in self._due if entry[0] > now]
        for _, _, action in ripe:
            action()


def _validity(reason: str | None) -> JSON:
    return {"result": reason is None, "reason": reason}


def _apply(node: JSON, operation: JSON) -> None:
    """One operation of a JSON patch; removing what is not there is an error."""
    *parents, last = operation["path"].strip("/").split("/")
    place = node
    for parent in parents:
        place = place[parent]
    if operation["op"] == "remove":
        if place.get(last) is None:
            raise RefusedError(400, f"can't remove a non-existent object '{last}'")
        if parents:
            del place[last]
        else:
            place[last] = {"deploy_interface": "direct"}.get(last)
    else:
        place[last] = operation["value"]
