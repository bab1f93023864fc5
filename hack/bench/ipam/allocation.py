"""What finding and booking one address takes, without the API server: CPU of the operator's own code.

The Go operator looks through all addresses in use for each claim; ours keeps them as intervals. Every
other address is taken, which gives as many intervals as there can be.
"""

import time
from collections.abc import Callable
from typing import Final

from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.controllers.ipam.addresses import address_of, parse_address
from metal3.controllers.ipam.choice import choose
from metal3.controllers.ipam.ledger import Ledger
from metal3.controllers.ipam.pool_state import PoolState
from metal3.controllers.ipam.records import ClaimKey, ClaimKind, Record, RecordKey
from metal3.runtime.types import NamespacedName

ROUNDS: Final = 2_000
POOL: Final = NamespacedName("bench", "pool")
BASE: Final = 0x2001_0DB8 << 96


class _Nobody:
    """Nothing waits."""

    def wake_claim(self, claim: ClaimKey) -> None: ...
    def wake_pool(self, pool: NamespacedName, *, at_once: bool = False) -> None: ...
    def wake_address(self, address: NamespacedName) -> None: ...


def measure(used: int) -> dict[str, float]:
    """Microseconds of CPU for one allocation of each kind, in a pool with so many in use."""
    found: dict[str, float] = {}
    for name, strategy, wanted in (
        ("lowest_us", "sequential", lambda _: ""),
        ("random_us", "random", lambda _: ""),
        ("near_us", "sequential", lambda i: str(address_of(6, BASE + 2 * i + 1))),
        ("deep_us", "sequential", lambda i: str(address_of(6, BASE + 2**63 + 2 * i))),
    ):
        found[name] = _time(*_pool(used, strategy), wanted)
    return found


def _pool(used: int, strategy: str) -> tuple[Ledger, PoolState]:
    ledger = Ledger(wakeups=_Nobody(), time=time.monotonic)
    spec = {"namePrefix": "p", "pools": [{"subnet": "2001:db8::/64"}]}
    ledger.pool_changed(
        ipamv1.IPPool.from_dict(
            {
                "metadata": {"name": POOL.name, "namespace": POOL.namespace, "generation": 1},
                "spec": spec | {"allocationStrategy": strategy},
            }
        )
    )
    for i in range(used):
        ledger.address_changed(_record(f"used-{i}", str(address_of(6, BASE + 2 * i))))
    return ledger, ledger.pool(POOL)


def _time(ledger: Ledger, state: PoolState, wanted: Callable[[int], str]) -> float:
    if state.plan is None:
        raise RuntimeError("the pool has no plan")
    started = time.process_time()
    for i in range(ROUNDS):
        name = f"new-{i}"
        address = choose(state.plan, state.used, state.blocked, name, wanted(i))
        state.hold(address)
        ledger.address_changed(_record(name, str(address)), is_ours=True)
        ledger.let_go(state, address)
    return (time.process_time() - started) / ROUNDS * 1e6


def _record(claim: str, text: str) -> Record:
    return Record(
        key=RecordKey(is_capi=False, namespace=POOL.namespace, name=f"p-{text}"),
        address=parse_address(text),
        pool=POOL,
        claim=ClaimKey(ClaimKind.IP_CLAIM, POOL.namespace, claim),
        uid=claim,
        owner_uid=claim,
        is_deleting=False,
    )
