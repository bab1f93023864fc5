"""The three roots of the namespace stay what the packaging expects."""

from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
ROOTS: dict[str, set[str] | None] = {"api": {"api"}, "controllers": {"controllers"}, "pkg": None}


@pytest.mark.parametrize(("root", "allowed"), ROOTS.items())
def test_roots_share_the_metal3_namespace(root, allowed):
    """A stray metal3/__init__.py in one root would hide the others from every import."""
    found = {p.name for p in (TOP / root / "metal3").iterdir() if p.name != "__pycache__"}
    assert all((TOP / root / "metal3" / name / "__init__.py").is_file() for name in found)
    assert found == allowed or (allowed is None and not found & {"api", "controllers"})


def test_every_package_is_typed():
    """Users' type checkers look for py.typed in each package of a namespace."""
    packages = [
        package
        for root in ROOTS
        for package in (TOP / root / "metal3").iterdir()
        if package.name != "__pycache__"
    ]
    assert packages
    assert [p for p in packages if not (p / "py.typed").is_file()] == []


def test_no_module_has_a_name_that_says_nothing():
    """A module is named for what it holds."""
    banned = {"utils.py", "helpers.py", "common.py", "base.py", "misc.py"}
    found = [p for root in ROOTS for p in (TOP / root).rglob("*.py") if p.name in banned]
    assert found == []
