"""What can go wrong while hardware is being simulated.

SimulatorError
├── StartError      a child process did not come up in time, or died
└── PortError       no free loopback port was found
"""


class SimulatorError(Exception):
    """Anything the simulator reports."""


class StartError(SimulatorError):
    """A child process did not become ready.

    ``name`` is the child, ``reason`` one sentence, ``log`` the last lines it wrote.
    """

    def __init__(self, name: str, reason: str, *, log: str = "") -> None:
        self.name = name
        self.reason = reason
        self.log = log
        super().__init__(f"{name}: {reason}" + (f"\n{log}" if log else ""))


class PortError(SimulatorError):
    """No free loopback port was found."""
