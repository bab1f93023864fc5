"""Handlers that do nothing, on kopf with its defaults; see ../README.md for what is said on stdout.

``reconcile`` (the default) is what kopf offers for what the others do: called for each object at
start and on each change, and again after an error; kopf remembers in an annotation of the object
what it has handled. ``event`` is kopf's raw handler: it is called once, whatever comes of it, and
writes nothing.
"""

import json
import os
import sys
import threading
import time

import kopf

OBJECTS = int(os.environ["OBJECTS"])
UPDATES = int(os.environ["UPDATES"])
SENT = "bench.example.com/sent-ns"
KIND = ("bench.example.com", "v1", "samples")

seen: set[str] = set()
latencies: list[float] = []


def noop(name: str, annotations: kopf.Annotations, **_: object) -> None:
    """Count each object once, and each stamp once."""
    arrived = time.time_ns()
    if name not in seen:
        seen.add(name)
        if len(seen) == OBJECTS:  # stamps come later
            print("drained", flush=True)
    stamp = annotations.get(SENT)
    if stamp and stamp not in seen:
        seen.add(stamp)
        latencies.append((arrived - int(stamp)) / 1e6)
        if len(latencies) == UPDATES:
            report()


def report() -> None:
    """Print the percentiles."""
    latencies.sort()
    at = {f"p{q}_ms": latencies[int(q / 100 * (len(latencies) - 1))] for q in (50, 99)}
    print("latencies", json.dumps(at), flush=True)


def main() -> None:
    """Run until the harness closes stdin."""
    if sys.argv[1:] == ["event"]:
        kopf.on.event(*KIND)(noop)
    else:
        for register in (kopf.on.resume, kopf.on.create, kopf.on.update):
            register(*KIND)(noop)
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    kopf.run(standalone=True, clusterwide=True, stop_flag=stop)


if __name__ == "__main__":
    main()
