"""An embedded Kubernetes API server: SQLite below, what kubectl and controllers need above.

Knows no Metal3 kind. Started by the command line, by the demo, and by tests:

    async with Server(Config(data_dir=directory)) as server:
        server.write_kubeconfig(directory / "kubeconfig")
"""

from .server import Config, Server, serve
from .storage import DatabaseError, Limits

__all__ = ["Config", "DatabaseError", "Limits", "Server", "serve"]
