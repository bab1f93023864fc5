"""What happens in each state of a host; ``TABLE`` is the whole machine."""

from .table_of_states import TABLE

__all__ = ["TABLE"]
