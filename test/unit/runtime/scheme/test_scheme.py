"""The registry of kinds."""

import pytest

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.runtime.scheme import Scheme, UnrecognisedError


def test_known_kinds_are_recognised():
    """By group, version and kind; from a map or from text."""
    scheme = Scheme(corev1.Secret, corev1.ConfigMap)
    data = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    assert scheme.recognise(data) is corev1.ConfigMap
    decoded = scheme.decode(b'{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"b"}}')
    assert isinstance(decoded, corev1.ConfigMap)
    assert decoded.data == {"a": "b"}
    assert corev1.Secret.gvk in scheme
    assert set(scheme) == {corev1.Secret, corev1.ConfigMap}
    assert scheme.kind_for(corev1.Namespace.gvk) is None


def test_unknown_kinds_lose_nothing():
    """They are Unstructured, under their own name."""
    data = {"apiVersion": "x.example/v2", "kind": "Odd", "spec": {"a": [1, None]}, "metadata": {}}
    odd = Scheme().decode(data)
    assert isinstance(odd, metav1.Unstructured)
    assert type(odd).gvk == metav1.GroupVersionKind("x.example", "v2", "Odd")
    assert odd.to_dict() == data


def test_an_unknown_kind_has_one_class():
    """However many objects of it come by."""
    scheme, data = Scheme(), {"apiVersion": "x.example/v2", "kind": "Odd"}
    assert scheme.recognise(data) is scheme.recognise(data)


def test_registering_twice_is_once_and_two_of_a_name_are_an_error():
    """A typo in a group must not replace another kind silently."""

    class Other(metav1.Object):
        gvk = corev1.Secret.gvk

    scheme = Scheme(corev1.Secret)
    scheme.register(corev1.Secret)
    with pytest.raises(ValueError, match="Secret already"):
        scheme.register(Other)
    with pytest.raises(ValueError, match="which kind"):
        scheme.register(metav1.Unstructured)


@pytest.mark.parametrize("data", [{}, {"kind": "A"}, {"apiVersion": 1, "kind": "A"}, b"[]", "{"])
def test_what_does_not_say_what_it_is_is_refused(data):
    """No guessing."""
    with pytest.raises(UnrecognisedError):
        Scheme().decode(data)
