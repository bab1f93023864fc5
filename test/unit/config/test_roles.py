"""Roles for people: two for each kind, and what they let do."""

from pathlib import Path

import pytest
import yaml

CONFIG = Path(__file__).parents[3] / "config"
PEOPLE = CONFIG / "rbac/people"


def roles():
    """All roles that the kustomization installs, by name."""
    listed = yaml.safe_load((PEOPLE / "kustomization.yaml").read_text())["resources"]
    found = [role for name in listed for role in yaml.safe_load_all((PEOPLE / name).read_text())]
    assert len({role["metadata"]["name"] for role in found}) == len(found)
    return {role["metadata"]["name"]: role for role in found}


def kinds():
    """Kind, group and plural of every CRD."""
    for path in sorted((CONFIG / "crd/bases").glob("*.yaml")):
        spec = yaml.safe_load(path.read_text())["spec"]
        yield spec["names"]["kind"], spec["group"], spec["names"]["plural"]


def allowed(role):
    """Each triple of group, resource and verb."""
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize(("kind", "group", "plural"), list(kinds()))
def test_each_kind_has_an_editor_and_a_viewer(kind, group, plural):
    """Neither writes the status or touches another kind; a viewer only reads."""
    look = {(group, plural, verb) for verb in ("get", "list", "watch")}
    look.add((group, f"{plural}/status", "get"))
    change = {(group, plural, verb) for verb in ("create", "delete", "patch", "update")}
    found = roles()
    assert allowed(found[f"{kind.lower()}-viewer-role"]) == look
    assert allowed(found[f"{kind.lower()}-editor-role"]) == look | change


def test_there_is_no_role_for_anything_else():
    """Such as a kind that is no more."""
    assert len(roles()) == 2 * len(list(kinds()))
