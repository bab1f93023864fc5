"""``metal3 host``: the manifests of a new host, for ``kubectl apply -f -``."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from metal3.api.core import v1 as corev1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.webhooks import host_errors

from ._flags import Flag, Parser, choice, parse, read_bool

FLAGS: Final = (
    Flag(names=("name",), metavar="NAME", help="of the host; its Secret is called NAME-bmc"),
    Flag(names=("namespace", "n"), metavar="NS", help="where both go; empty is kubectl's choice"),
    Flag(
        names=("address",),
        metavar="URL",
        help="of the BMC, such as redfish-virtualmedia+https://10.0.0.7/redfish/v1/Systems/1",
    ),
    Flag(names=("user", "username"), metavar="NAME", help="of the BMC"),
    Flag(
        names=("password",),
        env="METAL3_BMC_PASSWORD",
        metavar="WORD",
        help="of the BMC; others can see it while the command runs, unless the environment has it",
    ),
    Flag(names=("password-file",), metavar="FILE", help="holds the password; - is standard input"),
    Flag(names=("boot-mac",), metavar="MAC", help="of the network card the host boots from"),
    Flag(
        names=("boot-mode",),
        read=choice("UEFI", "legacy", "UEFISecureBoot"),
        default="UEFI",
        metavar="MODE",
        help="UEFI, legacy or UEFISecureBoot",
    ),
    Flag(names=("image",), metavar="URL", help="what to write to the disk; needs --checksum"),
    Flag(names=("checksum",), metavar="SUM", help="of the image, or a URL where that is found"),
    Flag(names=("online",), read=read_bool, default=True, help="whether the host is to be on"),
    Flag(
        names=("disable-certificate-verification",),
        read=read_bool,
        default=False,
        help="trust whatever certificate the BMC shows",
    ),
    Flag(
        names=("output", "o"),
        read=choice("yaml", "json"),
        default="yaml",
        metavar="yaml|json",
        help="how to print",
    ),
)


def run(argv: Sequence[str], environment: Mapping[str, str]) -> int:
    """Print a Secret and a BareMetalHost; 1 when the API would refuse them, and why."""
    parser = Parser("metal3 host", "Print the manifests of a new host.")
    args = parse(parser, FLAGS, argv, environment)
    for needed in ("name", "address"):
        if not getattr(args, needed):
            parser.error(f"--{needed} is needed")
    try:
        password = _read(args.password_file) if args.password_file else args.password
    except OSError as error:
        sys.stderr.write(f"metal3 host: {args.password_file}: {error.strerror}\n")
        return 1
    host = _host(args)
    errors = host_errors(metal3api.BareMetalHost.from_dict(host))
    for problem in errors:
        sys.stderr.write(f"metal3 host: {problem}\n")
    if errors:
        return 1
    sys.stdout.write(_text([_secret(args, password), host], args.output))
    return 0


def _read(file: str) -> str:
    text = sys.stdin.read() if file == "-" else Path(file).read_text()
    return text.rstrip("\r\n")


def _secret(args: Any, password: str) -> dict[str, Any]:
    login = {"username": args.user, "password": password}
    secret = corev1.new_secret(f"{args.name}-bmc", args.namespace, login, type="Opaque")
    return {**secret.to_dict(), "metadata": _metadata(args, f"{args.name}-bmc")}


def _host(args: Any) -> dict[str, Any]:
    bmc: dict[str, Any] = {"address": args.address, "credentialsName": f"{args.name}-bmc"}
    if args.disable_certificate_verification:
        bmc["disableCertificateVerification"] = True
    spec: dict[str, Any] = {"online": args.online, "bootMode": args.boot_mode, "bmc": bmc}
    if args.boot_mac:
        spec["bootMACAddress"] = args.boot_mac
    if args.image:
        spec["image"] = {"url": args.image, "checksum": args.checksum}
    return {
        "apiVersion": "metal3.io/v1alpha1",
        "kind": "BareMetalHost",
        "metadata": _metadata(args, args.name),
        "spec": spec,
    }


def _metadata(args: Any, name: str) -> dict[str, str]:
    return {"name": name} | ({"namespace": args.namespace} if args.namespace else {})


def _text(objects: list[dict[str, Any]], form: str) -> str:
    if form == "json":
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}, indent=2) + "\n"
    return yaml.safe_dump_all(objects, sort_keys=False)
