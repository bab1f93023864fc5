"""The front door is what it says it is."""

import inspect

from metal3 import ctrl


def test_all_names_exist_and_no_others_do():
    """``__all__`` is exactly what a user finds, and in order."""
    public = {
        name
        for name, value in vars(ctrl).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert public == set(ctrl.__all__)
    assert sorted(ctrl.__all__) == ctrl.__all__


def test_everything_comes_from_the_runtime():
    """Nothing is made here."""
    for name in ctrl.__all__:
        module = inspect.getmodule(getattr(ctrl, name))
        assert module is not None
        assert module.__name__.startswith("metal3.runtime."), name
