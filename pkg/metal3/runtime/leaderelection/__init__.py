"""At most one process works: whoever holds a Lease, for as long as it is renewed."""

from ._elector import LeaderElector, LeadershipLostError
from ._options import LeaderElectionOptions, default_identity

__all__ = ["LeaderElectionOptions", "LeaderElector", "LeadershipLostError", "default_identity"]
