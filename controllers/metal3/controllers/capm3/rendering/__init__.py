"""From a Metal3DataTemplate to the texts a machine boots with; pure functions.

The keys and their order are those of the Go provider (OpenStack's ``network_data.json``).
"""

from .context import Objects, RenderError, check_mac
from .metadata import render_metadata
from .networkdata import render_networkdata
from .pools import POOL_KIND, PoolAddress, PoolKey, pools_of
from .text import as_yaml

__all__ = [
    "POOL_KIND",
    "Objects",
    "PoolAddress",
    "PoolKey",
    "RenderError",
    "as_yaml",
    "check_mac",
    "pools_of",
    "render_metadata",
    "render_networkdata",
]
