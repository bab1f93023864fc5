"""What is being put on a host; noted before it is begun, because the backend ends with that."""

from metal3.api.metal3_io import v1alpha1 as metal3api


def note_attempt(host: metal3api.BareMetalHost) -> bool:
    """Have the status say what the spec asks for; gives whether it did not yet.

    A custom deploy is noted where it will stay when it is done: there is no other place for it, and
    a host in ``provisioning`` is known not to have it yet.
    """
    status, image = host.status, host.spec.image
    before = _noted(status)
    status.last_attempted_image = image.deep_copy() if image is not None else None
    status.provisioning.custom_deploy = custom_deploy(host)
    return _noted(status) != before


def is_outdated(host: metal3api.BareMetalHost) -> bool:
    """Whether another image or method is asked for than the one that was noted, if any was.

    Of an image only the URL counts, as everywhere.
    """
    last, method = host.status.last_attempted_image, host.status.provisioning.custom_deploy
    if last is None and method is None:
        return False
    wanted = custom_deploy(host)
    return _url(last) != _url(host.spec.image) or _method(method) != _method(wanted)


def custom_deploy(host: metal3api.BareMetalHost) -> metal3api.CustomDeploy | None:
    """The deploy step of the user's own that is asked for; one without a name is none."""
    wanted = host.spec.custom_deploy
    return wanted.deep_copy() if wanted is not None and wanted.method else None


def _noted(status: metal3api.BareMetalHostStatus) -> tuple[object, object]:
    """Only what is written here: the whole status is large, and this is asked at each look."""
    image, method = status.last_attempted_image, status.provisioning.custom_deploy
    return image and image.to_dict(), method and method.to_dict()


def _url(image: metal3api.Image | None) -> str:
    return image.url if image is not None else ""


def _method(wanted: metal3api.CustomDeploy | None) -> str:
    return wanted.method if wanted is not None else ""
