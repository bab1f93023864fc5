"""Runs inside Ironic and tells the operator at once what happens to nodes: needs nothing but Python.

Ironic loads it through oslo.messaging by its entry point, ``metal3_http``. Here to be installed
beside Ironic without the rest of what the operators need (``pip install --no-deps metal3``).
"""

from ._driver import NAME, TOKEN_VARIABLE, URL_VARIABLE, Driver

__all__ = ["NAME", "TOKEN_VARIABLE", "URL_VARIABLE", "Driver"]
