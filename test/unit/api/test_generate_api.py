"""``hack/generate-api`` on the repository's CRDs, and on one that has every oddity."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from metal3.api.meta import v1 as metav1

TOP = Path(__file__).parents[3]

OLD: dict[str, Any] = {
    "type": "object",
    "properties": {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": {
            "description": 'Says "hello"',
            "type": "object",
            "required": ["class", "inner", "when", "matrix", "portOrName", "weight"],
            "properties": {
                "class": {"type": "string"},
                "register": {"type": "boolean"},
                "requiredFields": {"type": "string", "description": "A back\\slash."},
                "allowedVLANs": {"type": "array", "items": {"type": "string"}},
                "inner": {
                    "type": "object",
                    "required": ["ID"],
                    "properties": {"ID": {"type": "integer"}, "httpURLPath": {"type": "string"}},
                },
                "again": {
                    "type": "object",
                    "required": ["ID"],
                    "properties": {"ID": {"type": "integer"}, "httpURLPath": {"type": "string"}},
                },
                "matrix": {
                    "type": "array",
                    "items": {
                        "type": "array",
                        "items": {"type": "object", "properties": {"x": {"type": "number"}}},
                    },
                },
                "when": {"type": "string", "format": "date-time"},
                "weight": {"type": "number"},
                "portOrName": {
                    "x-kubernetes-int-or-string": True,
                    "anyOf": [{"type": "integer"}, {"type": "string"}],
                },
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "anything": {"x-kubernetes-preserve-unknown-fields": True},
                "size": {"type": "string", "enum": ["", "1+0", "live-iso", "UEFISecureBoot"]},
                "list": {"type": "array", "items": {"type": "string"}},
                "retries": {"type": "integer", "default": 3},
                "byName": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "properties": {"y": {"type": "string"}},
                    },
                },
            },
        },
    },
    "required": ["spec"],
}
NEW: dict[str, Any] = {
    "type": "object",
    "properties": {"spec": {"type": "object", "properties": {"kept": {"type": "string"}}}},
}


def crd(**versions: dict[str, Any]) -> dict[str, Any]:
    """A cluster-wide kind ``Oddity`` of ``odd.things-here.io``."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "spec": {
            "group": "odd.things-here.io",
            "scope": "Cluster",
            "names": {"kind": "Oddity", "plural": "oddities"},
            "versions": [
                {"name": k, "schema": {"openAPIV3Schema": v}} for k, v in versions.items()
            ],
        },
    }


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the script as a person would."""
    command = [sys.executable, str(TOP / "hack/generate-api"), *map(str, arguments)]
    return subprocess.run(  # noqa: S603  # our own script
        command, capture_output=True, text=True, check=False, timeout=120
    )


def load(path: Path) -> ModuleType:
    """Import a generated module from where it was written."""
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder with the CRD in two versions, and the folder its models were written to."""
    crds, out = tmp_path_factory.mktemp("crds"), tmp_path_factory.mktemp("out")
    (crds / "oddities.yaml").write_text(
        yaml.safe_dump(crd(v1alpha5=OLD, v1beta2=NEW), sort_keys=False)
    )
    done = run("--crds", crds, "--out", out)
    assert done.returncode == 0, done.stderr
    return crds, out


@pytest.fixture(scope="module")
def old(folders: tuple[Path, Path]) -> ModuleType:
    """The models of the older version."""
    return load(folders[1] / "odd_things_here_io/v1alpha5/zz_generated_oddity.py")


def test_the_models_are_what_the_crds_say() -> None:
    """Nobody edited generated code, and nobody forgot to generate it."""
    done = run("--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_check_notices_every_kind_of_difference(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """An edited, a missing and a left-over module each fail the check, and are named."""
    module = folders[1] / "odd_things_here_io/v1alpha5/zz_generated_oddity.py"
    edited = tmp_path / "odd_things_here_io/v1alpha5/zz_generated_oddity.py"
    stale = tmp_path / "odd_things_here_io/v1alpha5/zz_generated_gone.py"
    edited.parent.mkdir(parents=True)
    edited.write_text(module.read_text() + "# by hand\n")
    stale.write_text("")
    done = run("--check", "--crds", folders[0], "--out", tmp_path)
    assert done.returncode == 1
    named = {line.partition(":")[0] for line in done.stderr.splitlines()}
    assert named == {
        "odd_things_here_io/v1alpha5/zz_generated_oddity.py",
        "odd_things_here_io/v1alpha5/zz_generated_gone.py",
        "odd_things_here_io/v1beta2/zz_generated_oddity.py",
    }
    assert run("--crds", folders[0], "--out", tmp_path).returncode == 0
    assert run("--check", "--crds", folders[0], "--out", tmp_path).returncode == 0
    assert not stale.exists()


def test_each_version_has_its_own_package(folders: tuple[Path, Path], old: ModuleType) -> None:
    """Two versions of a kind know nothing of one another."""
    new = load(folders[1] / "odd_things_here_io/v1beta2/zz_generated_oddity.py")
    assert old.Oddity.gvk == metav1.GroupVersionKind("odd.things-here.io", "v1alpha5", "Oddity")
    assert new.Oddity.gvk == metav1.GroupVersionKind("odd.things-here.io", "v1beta2", "Oddity")
    assert new.OdditySpec.model_fields.keys() == {"kept"}
    assert (old.Oddity.plural, old.Oddity.namespaced) == ("oddities", False)


def test_names_are_paths_and_snake_case(old: ModuleType) -> None:
    """Classes are named by where they are; attributes avoid words that Python or the base own."""
    classes = {
        name
        for name, value in vars(old).items()
        if getattr(value, "__module__", "") == old.__name__
    }
    assert classes == {
        "Oddity",
        "OdditySpec",
        "OdditySpecByName",
        "OdditySpecInner",
        "OdditySpecMatrixItem",
        "OdditySpecSize",
    }
    assert set(old.OdditySpec.model_fields) >= {
        "class_",
        "register_",
        "required_fields_",
        "allowed_vlans",
    }
    assert set(old.OdditySpecInner.model_fields) == {"id", "http_url_path"}
    assert list(old.OdditySpecSize.__members__) == [
        "EMPTY",
        "VALUE_1_PLUS_0",
        "LIVE_ISO",
        "UEFI_SECURE_BOOT",
    ]


def test_required_things_need_no_none_check(old: ModuleType) -> None:
    """Required fields have zero values and are sent; optional ones are None, lists are empty."""
    odd = old.Oddity()
    assert odd.spec.inner.id == 0
    assert (odd.spec.class_, odd.spec.when, odd.spec.weight, odd.spec.port_or_name) == (
        "",
        "",
        0,
        "",
    )
    assert (odd.spec.again, odd.spec.register_, odd.spec.anything) == (None, None, None)
    assert (odd.spec.retries, odd.spec.matrix, odd.spec.by_name, odd.spec.free) == (3, [], {}, {})
    assert odd.to_dict()["spec"] == {
        "class": "",
        "inner": {"ID": 0},
        "matrix": [],
        "when": "",
        "weight": 0,
        "portOrName": "",
    }


def test_either_name_builds_an_object(old: ModuleType) -> None:
    """Programs use attribute names, and may use the API's."""
    by_attribute = old.OdditySpecInner(id=1, http_url_path="/a")
    by_alias = old.OdditySpecInner(ID=1, httpURLPath="/a")
    assert by_attribute.to_dict() == by_alias.to_dict() == {"ID": 1, "httpURLPath": "/a"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"minLength": {"type": "integer"}, "min_length": {"type": "integer"}}, "min_length"),
        (
            {
                "aB": {"type": "object", "properties": {"x": {"type": "string"}}},
                "a_b": {"type": "object", "properties": {"y": {"type": "string"}}},
            },
            "OdditySpecAB",
        ),
    ],
)
def test_two_things_with_one_name_are_refused(
    fields: dict[str, Any], message: str, tmp_path: Path
) -> None:
    """Nothing is numbered: a clash of names is for a person to solve."""
    spec = {"type": "object", "properties": fields}
    schema = {"type": "object", "properties": {"spec": spec}}
    (tmp_path / "oddities.yaml").write_text(yaml.safe_dump(crd(v1=schema)))
    done = run("--crds", tmp_path, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_crd_is_refused(tmp_path: Path) -> None:
    """The message names the file."""
    (tmp_path / "secret.yaml").write_text("apiVersion: v1\nkind: Secret\n")
    done = run("--crds", tmp_path, "--out", tmp_path)
    assert done.returncode == 2
    assert "secret.yaml" in done.stderr
