"""What can go wrong with a test environment.

EnvtestError
├── BinariesNotFoundError   no kube-apiserver to run: skip, or build them
├── StartError              a server ended early, or was not ready in time
│   └── PortTakenError      somebody else got the port between choosing and binding it
├── InstallError            a CRD or webhook manifest was refused or never served
└── UnsupportedError        the chosen server cannot do this
"""


class EnvtestError(Exception):
    """Any failure of a test environment."""


class BinariesNotFoundError(EnvtestError):
    """No folder holds etcd and kube-apiserver; the message says how to get them."""


class StartError(EnvtestError):
    """A server ended by itself or missed its deadline; the message ends with its last log lines."""


class PortTakenError(StartError):
    """The chosen port was taken by another process; another port helps."""


class InstallError(EnvtestError):
    """The API server refused a manifest, or did not serve a CRD in time."""


class UnsupportedError(EnvtestError):
    """The server that was asked for has no such ability (the embedded one enforces no RBAC)."""
