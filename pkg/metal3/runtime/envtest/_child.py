"""Becomes another program that dies with its parent: ``_child.py <parent pid> <program> <args...>``.

Run as a file of its own, not imported. A test run that is killed outright cannot tidy up; without
this its etcd and kube-apiserver would go on for ever. PR_SET_PDEATHSIG survives exec and exists on
Linux only; elsewhere the program is simply started.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, argv: list[str]) -> None:
    """Ask for SIGKILL at the parent's death, then become argv."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            sys.exit(1)
    os.execv(argv[0], argv)  # noqa: S606 - becoming the program is the point


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
