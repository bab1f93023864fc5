"""What may be said of an image, and of references to Secrets."""

from typing import Final
from urllib.parse import urlsplit

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.runtime.webhook import FieldError, forbidden, invalid, required

LIVE_ISO: Final = "live-iso"
WITH_HOST: Final = frozenset({"http", "https"})


def deployment_errors(
    path: str, image: infrav1.Image | None, deploy: infrav1.CustomDeploy | None
) -> list[FieldError]:
    """Either an image or a deploy step of the user's own has to be there."""
    if deploy is not None and deploy.method:
        return []
    if image is None or not (image.url or image.checksum):
        return [required(f"{path}.image", "either image or customDeploy is needed")]
    return image_errors(f"{path}.image", image)


def image_errors(path: str, image: infrav1.Image) -> list[FieldError]:
    """URL and checksum; pictures of containers carry their own checksum."""
    errors: list[FieldError] = []
    if not image.url:
        errors.append(required(f"{path}.url", "is missing"))
    elif not is_url(image.url):
        errors.append(invalid(f"{path}.url", image.url, "is no URL"))
    if image.url.lower().startswith("oci://"):
        given = (("checksum", image.checksum), ("checksumType", image.checksum_type))
        errors += [
            forbidden(f"{path}.{name}", "images in a registry are known by their digest")
            for name, value in given
            if value
        ]
        return errors
    if image.disk_format == LIVE_ISO:
        return errors
    if not image.checksum:
        errors.append(required(f"{path}.checksum", "the image is checked before it is booted"))
    elif image.checksum.lower().startswith(("http://", "https://")) and not is_url(image.checksum):
        errors.append(invalid(f"{path}.checksum", image.checksum, "is no URL"))
    return errors


def is_url(text: str) -> bool:
    """Absolute, or at least a path; with a host where the scheme has one."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    if any(c.isspace() or not c.isprintable() for c in text):
        return False
    if parts.scheme in WITH_HOST:
        return bool(parts.hostname)
    return bool(parts.scheme) or text.startswith("/")


def secret_errors(path: str, machine: infrav1.Metal3Machine) -> list[FieldError]:
    """Secrets of other namespaces are not for this machine."""
    spec, namespace = machine.spec, machine.metadata.namespace
    refs = (
        ("userData", spec.user_data),
        ("metaData", spec.meta_data),
        ("networkData", spec.network_data),
    )
    return [
        forbidden(f"{path}.{name}.namespace", "must be the namespace of the object, or empty")
        for name, ref in refs
        if ref is not None and ref.namespace and ref.namespace != namespace
    ]
