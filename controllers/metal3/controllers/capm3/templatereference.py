"""Index spaces of old releases: ``templateReference`` of a Metal3DataTemplate.

Up to v1beta1 a template could continue the numbering of another: data was then named after the
reference, ``<templateReference>-<index>``. v1beta2 has no such field; what an older version said is
kept in an annotation by the conversion. As no two objects have one name, numbers stay unique when
data is named so again, whichever template it is of.
"""

import json
from typing import Any, Final, cast

from metal3.api.infrastructure_cluster_x_k8s_io.parts import Json, part
from metal3.api.infrastructure_cluster_x_k8s_io.preserving import SPOKE_DATA_SUFFIX
from metal3.api.meta import v1 as metav1

OLD_VERSIONS: Final = ("v1beta1", "v1alpha5")
"""Versions with the field, the newest first."""


def template_reference(obj: metav1.Object) -> str:
    """Of a Metal3DataTemplate or Metal3Data that was written in an older version; else empty."""
    for version in OLD_VERSIONS:
        found = _kept(obj.metadata.annotations.get(f"{version}{SPOKE_DATA_SUFFIX}"))
        if found:
            return found
    return ""


def _kept(text: str | None) -> str:
    """People can edit annotations: nonsense is taken for nothing."""
    try:
        body: Any = json.loads(text or "{}")
    except ValueError:
        return ""
    spec = part(cast("Json", body), "spec") if isinstance(body, dict) else None
    name: Any = (spec or {}).get("templateReference")
    return name if isinstance(name, str) else ""


def index_space(template: metav1.Object) -> str:
    """What names of data begin with: the reference, or the template's own name."""
    return template_reference(template) or template.metadata.name
