"""The HTTP surface: from a request to the store and back."""

from ._api import API
from ._app import App
from ._call import Call
from ._deleter import FOREGROUND, ORPHAN, DeleteOptions, Deleter
from ._request import Options, Target
from ._writer import Change, Writer

__all__ = [
    "API",
    "FOREGROUND",
    "ORPHAN",
    "App",
    "Call",
    "Change",
    "DeleteOptions",
    "Deleter",
    "Options",
    "Target",
    "Writer",
]
