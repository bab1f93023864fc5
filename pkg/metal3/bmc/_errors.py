"""What can be wrong with a BMC address.

::

    BMCAddressError
      +- UnknownBMCTypeError       no driver is registered for the scheme
      +- InvalidBMCAddressError    the text is no address at all
    BrokenPluginError              a plugin's drivers cannot be had
"""


class BMCAddressError(ValueError):
    """A BMC address cannot be used; the message is meant for the user."""


class UnknownBMCTypeError(BMCAddressError):
    """The scheme names no driver that is known here."""

    def __init__(self, scheme: str, address: str) -> None:
        super().__init__(
            f"unknown BMC type {scheme!r} in address {address!r}: "
            "see the list of supported address schemes"
        )
        self.scheme = scheme
        self.address = address


class InvalidBMCAddressError(BMCAddressError):
    """The address cannot be read as a URL with a usable host."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(f"BMC address {address!r} is not valid: {why}")
        self.address = address


class BrokenPluginError(ValueError):
    """A distribution offers drivers and does not deliver them; the message names its entry point."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"the BMC plugin {name!r} cannot be used: {why}")
