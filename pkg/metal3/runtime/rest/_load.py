"""Finding the configuration: what was asked for, the environment, the pod, the home folder."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from ._auth import TokenFile
from ._config import Config, ConfigError
from ._kubeconfig import read_kubeconfig
from ._tls import TLSConfig

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def load_config(
    kubeconfig: str | os.PathLike[str] | None = None,
    context: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    service_account: Path = SERVICE_ACCOUNT,
) -> Config:
    """The first that exists: ``kubeconfig``, ``$KUBECONFIG``, the pod's, ``~/.kube/config``.

    Reads files, so call it before the loop runs or in a thread. Raises ConfigError.
    """
    env = os.environ if environ is None else environ
    config = _find(kubeconfig, context, env, service_account)
    return replace(config, proxy=config.proxy or _proxy(config.host, env))


def _find(
    kubeconfig: str | os.PathLike[str] | None,
    context: str | None,
    env: Mapping[str, str],
    service_account: Path,
) -> Config:
    if kubeconfig:
        return read_kubeconfig([Path(kubeconfig).expanduser()], context)
    listed = [Path(p).expanduser() for p in env.get("KUBECONFIG", "").split(os.pathsep) if p]
    if listed:
        present = [path for path in listed if path.exists()]
        # As kubectl: of several files some may be missing, but not all.
        return read_kubeconfig(present or listed[:1], context)
    if env.get("KUBERNETES_SERVICE_HOST") and service_account.is_dir():
        return in_cluster_config(environ=env, service_account=service_account)
    default = Path(env.get("HOME", "~")).expanduser() / ".kube" / "config"
    if not default.is_file():
        raise ConfigError(f"no kubeconfig given, not in a pod, and there is no {default}")
    return read_kubeconfig([default], context)


def in_cluster_config(
    *, environ: Mapping[str, str] | None = None, service_account: Path = SERVICE_ACCOUNT
) -> Config:
    """The configuration every pod gets; the token is read again as it is renewed.

    Raises ConfigError outside of a pod. Two variables and three files: not worth the memory of
    the ``kubernetes`` package, whose loader gives the same.
    """
    env = os.environ if environ is None else environ
    host, port = env.get("KUBERNETES_SERVICE_HOST"), env.get("KUBERNETES_SERVICE_PORT")
    if not host or not port:
        raise ConfigError("not in a pod: KUBERNETES_SERVICE_HOST or _PORT is not set")
    token, ca = service_account / "token", service_account / "ca.crt"
    for path in (token, ca):
        if not path.is_file():
            raise ConfigError(f"{path}: no such file")
    namespace = service_account / "namespace"
    return Config(
        host=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        tls=TLSConfig(ca_file=ca),
        auth=TokenFile(token),
        namespace=namespace.read_text().strip() if namespace.is_file() else "default",
    )


def _proxy(host: str, env: Mapping[str, str]) -> str | None:
    """From the environment, unless NO_PROXY names the host; a test's environment has no say."""
    if env is not os.environ:
        return None
    parts = urlsplit(host)
    if parts.hostname in {"localhost", "127.0.0.1", "::1"}:
        return None
    if proxy_bypass(parts.netloc):
        return None
    return getproxies().get(parts.scheme)
