"""The ``metal3`` command."""
