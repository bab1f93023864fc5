"""Leases: who leads, and until when."""

from ._lease import Lease, LeaseSpec

__all__ = ["Lease", "LeaseSpec"]
