"""Has datamodel-code-generator write one module, and ruff put it in order."""

import subprocess
import sys
import textwrap
from collections import defaultdict
from pathlib import Path

import datamodel_code_generator as dcg
from datamodel_code_generator.enums import DataModelType
from datamodel_code_generator.format import PythonVersion

from .crds import Json, KindVersion
from .shapes import META, Module

HEADER = (
    '"""{kind} of {group}/{version}, generated from its CRD; do not edit, run `make generate`."""'
)
_IMPORTS = [
    "typing.Annotated",
    "typing.ClassVar",
    "pydantic.Field",
    f"{META}.GroupVersionKind",
    f"{META}.Model",
    f"{META}.Object",
]
_WIDTH = 100
_RUFF = Path(sys.executable).parent / "ruff"


def render(module: Module, package: str) -> str:
    """The text of the module; the same input always gives the same text."""
    kind = module.kind
    text = dcg.generate(
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": module.definitions},
        input_file_type=dcg.InputFileType.JsonSchema,
        output_model_type=DataModelType.PydanticV2BaseModel,
        target_python_version=PythonVersion.PY_311,
        base_class=f"{META}.Model",
        base_class_map={kind.kind: f"{META}.Object"},
        aliases=module.aliases,
        custom_template_dir=Path(__file__).parent / "templates",
        extra_template_data=_template_data(module),
        additional_imports=_IMPORTS,
        use_specialized_enum=True,
        use_annotated=True,
        use_standard_collections=True,
        use_union_operator=True,
        use_schema_description=True,
        use_double_quotes=True,
        disable_timestamp=True,
        disable_future_imports=True,
        skip_root_model=True,
        formatters=[],
        custom_file_header=HEADER.format(kind=kind.kind, group=kind.group, version=kind.version),
    )
    if not isinstance(text, str):
        raise TypeError(f"{kind.kind}: expected one module, got {type(text).__name__}")
    return _tidy(text.replace(f"from {package}.", "from ."))


def _template_data(module: Module) -> defaultdict[str, Json]:
    data = {
        name: {
            **item,
            "doc": _docstring(item["doc"], indent=4),
            "attributes": {
                key: {**value, "doc": _docstring(value["doc"], indent=4)}
                for key, value in item["attributes"].items()
            },
            "required_attributes": _literal_set(item["required_attributes"]),
            "nullable_attributes": _literal_set(item["nullable_attributes"]),
            "gvk": _gvk(item["gvk"]),
        }
        for name, item in module.template_data.items()
    }
    return defaultdict(dict, data)


def _gvk(kind: KindVersion | None) -> Json | None:
    if kind is None:
        return None
    return {
        "group": kind.group,
        "version": kind.version,
        "kind": kind.kind,
        "plural": kind.plural,
        "namespaced": kind.namespaced,
    }


def _literal_set(items: list[str]) -> str:
    return ", ".join(f'"{item}"' for item in items)


def _docstring(text: str, *, indent: int) -> str:
    """The text as a docstring that keeps to the width; empty for no text."""
    if not text:
        return ""
    escaped = " ".join(text.split()).replace("\\", "\\\\").replace('"""', "'''")
    if escaped.endswith('"'):
        escaped = f'{escaped[:-1]}\\"'
    lines = textwrap.wrap(
        escaped, _WIDTH - indent - 6, break_long_words=False, break_on_hyphens=False
    )
    if len(lines) == 1:
        return f'"""{lines[0]}"""'
    pad = " " * indent
    return f'"""{lines[0]}\n' + "".join(f"{pad}{line}\n" for line in lines[1:]) + f'{pad}"""'


def _tidy(text: str) -> str:
    """Drop imports that are not used, sort the rest, format."""
    first_party = '--config=lint.isort.known-first-party=["metal3"]'
    checked = _ruff(text, "check", "--fix", "--quiet", "--select=F401,I001", first_party)
    return _ruff(checked, "format")


def _ruff(text: str, *arguments: str) -> str:
    shape = ("--isolated", "--target-version=py311", f"--line-length={_WIDTH}")
    command = [str(_RUFF), *arguments, *shape, "-"]
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode:
        raise RuntimeError(f"ruff {arguments[0]} failed:\n{done.stderr}\n{text}")
    return done.stdout
