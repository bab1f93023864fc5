"""Steps that are to fail, and how often."""


class StepFailures:
    """Failures to come, by the command that runs the step."""

    def __init__(self) -> None:
        self._coming: dict[str, tuple[str, int]] = {}

    def add(self, command: str, message: str, times: int) -> None:
        """Let the next ``times`` steps of ``command`` fail; replaces what was set before."""
        self._coming[command] = (message, times)

    def take(self, command: str) -> str | None:
        """The message of a failure that is due now, which counts as one."""
        message, times = self._coming.get(command, ("", 0))
        if times <= 0:
            return None
        self._coming[command] = (message, times - 1)
        return message

    def clear(self) -> None:
        """Nothing fails any more."""
        self._coming.clear()
