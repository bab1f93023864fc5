"""The hand-written built-in kinds."""

import traceback

import pytest

from metal3.api.authentication_k8s_io import v1 as authenticationv1
from metal3.api.coordination_k8s_io import v1 as coordinationv1
from metal3.api.core import v1 as corev1
from metal3.api.events_k8s_io import v1 as eventsv1
from metal3.api.meta import v1 as metav1

SECRET = "s3cr3t-value"


def test_secrets_are_decoded_on_request():
    """Text and bytes in, base64 on the wire, bytes out."""
    secret = corev1.new_secret("a", "lab", {"username": "admin", "key": b"\x00\xff"}, type="Opaque")
    assert secret.to_dict()["data"] == {"username": "YWRtaW4=", "key": "AP8="}
    again = corev1.Secret.from_json(secret.to_json())
    assert corev1.secret_data(again) == {"username": b"admin", "key": b"\x00\xff"}
    assert again.type == "Opaque"


def test_secrets_do_not_show_their_values():
    """Neither repr nor str, nor what annotations repeat of them, nor the error for bad base64."""
    secret = corev1.new_secret("a", "lab", {"password": SECRET})
    secret.metadata.annotations = {"kubectl.kubernetes.io/last-applied-configuration": SECRET}
    secret.string_data = {"password": SECRET}
    shown = f"{secret!r} {secret}"
    assert SECRET not in shown
    assert secret.data["password"] not in shown
    assert "password" in shown
    secret.data = {"password": SECRET + "!"}
    with pytest.raises(ValueError, match=r"data\.password is not base64") as caught:
        corev1.secret_data(secret)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_token_reviews_do_not_show_the_token():
    """They are logged by mistake sooner or later."""
    review = authenticationv1.TokenReview(spec=authenticationv1.TokenReviewSpec(token=SECRET))
    assert SECRET not in f"{review!r} {review}"
    assert review.to_dict()["spec"] == {"token": SECRET}


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (
            coordinationv1.Lease,
            {"spec": {"holderIdentity": "me", "leaseDurationSeconds": 15, "strategy": "Oldest"}},
        ),
        (
            eventsv1.Event,
            {"regarding": {"kind": "A"}, "series": {"count": 2, "lastObservedTime": "2030-01-01"}},
        ),
        (corev1.Event, {"involvedObject": {"kind": "A"}, "count": 3, "eventTime": None}),
        (
            corev1.Node,
            {
                "spec": {"providerID": "metal3://x", "podCIDR": "10.0.0.0/24"},
                "status": {"nodeInfo": {"systemUUID": "u"}, "capacity": {"cpu": "2"}},
            },
        ),
    ],
)
def test_objects_survive_reading_and_writing(kind, data):
    """Fields we do not know are kept."""
    gvk = kind.gvk
    whole = {"apiVersion": gvk.api_version, "kind": gvk.kind, "metadata": {"name": "a"}, **data}
    found = kind.from_dict(whole).to_dict()
    assert found == {k: v for k, v in whole.items() if v is not None}


def test_nodes_say_what_providers_need():
    """Provider ID, taints, conditions and addresses are typed."""
    node = corev1.Node.from_dict(
        {
            "spec": {"providerID": "metal3://a", "taints": [{"key": "k", "effect": "NoSchedule"}]},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]},
        }
    )
    assert node.spec.provider_id == "metal3://a"
    assert node.spec.taints[0].key == "k"
    assert node.status.conditions[0].status == metav1.ConditionStatus.TRUE
