"""The sample manifests, as a user would apply them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api

SAMPLES = Path(__file__).parents[3] / "config/samples"
FILES = sorted([*SAMPLES.glob("metal3.io_*.yaml"), *SAMPLES.glob("ipam.metal3.io_*.yaml")])
CLASSES = {kind.gvk.kind: kind for kind in (*metal3api.KINDS, *ipamv1.KINDS)}


def documents() -> list[dict[str, Any]]:
    """Everything of our groups in the sample files."""
    found = [doc for path in FILES for doc in yaml.safe_load_all(path.read_text(encoding="utf-8"))]
    return [doc for doc in found if doc["apiVersion"].partition("/")[0].endswith("metal3.io")]


def unknown(model: object, path: str = "") -> list[str]:
    """Fields of the decoded object that no schema knows."""
    if isinstance(model, list):
        return [name for item in model for name in unknown(item, f"{path}[]")]
    if isinstance(model, dict):
        return [name for item in model.values() for name in unknown(item, f"{path}.*")]
    if not isinstance(model, metav1.Model):
        return []
    known = [
        n for key in type(model).model_fields for n in unknown(getattr(model, key), f"{path}.{key}")
    ]
    return [f"{path}.{key}" for key in model.model_extra or {}] + known


def test_there_is_a_sample_of_each_kind() -> None:
    """Whoever looks for an example finds one, and kustomize applies it."""
    assert {doc["kind"] for doc in documents()} == set(CLASSES)
    listed = yaml.safe_load((SAMPLES / "kustomization.yaml").read_text(encoding="utf-8"))
    assert {path.name for path in FILES} <= set(listed["resources"])


@pytest.mark.parametrize("doc", documents(), ids=lambda d: f"{d['kind']}/{d['metadata']['name']}")
def test_a_sample_uses_known_fields_only(doc: dict[str, Any]) -> None:
    """No field is misspelt, and the object comes out of the model as it went in."""
    decoded = CLASSES[doc["kind"]].from_dict(doc)
    assert unknown(decoded) == []
    assert decoded.to_dict() == doc
