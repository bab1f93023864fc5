"""The webhook server as the API server sees it: reviews in, reviews out, over HTTP."""

import asyncio
import base64
import contextlib
from datetime import timedelta

import aiohttp
import orjson
import pytest

from metal3.api.meta import v1 as metav1
from metal3.runtime.webhook import (
    AdmissionWebhook,
    DeniedError,
    WebhookOptions,
    WebhookServer,
    invalid,
    required,
)


class WidgetSpec(metav1.Model):
    """A small spec."""

    size: int = 0
    color: str | None = None


class Widget(metav1.Object):
    """A kind for these tests."""

    gvk = metav1.GroupVersionKind("shop.example", "v1", "Widget")
    plural = "widgets"
    spec: WidgetSpec = WidgetSpec()


class WidgetRules:
    """Sizes are positive and only grow; widgets named eternal stay."""

    async def default(self, obj, request):
        """A widget without a color is grey."""
        if obj.spec.color is None:
            obj.spec.color = "grey"

    async def validate_create(self, obj, request):
        """Size and name are both checked, so that a user needs one round only."""
        problems = []
        if obj.spec.size <= 0:
            problems.append(invalid("spec.size", obj.spec.size, "must be positive"))
        if request.name == "nameless":
            problems.append(required("metadata.labels[name]", "say what it is"))
        if problems:
            raise DeniedError(*problems)
        return ["x" * 400] if obj.spec.size > 100 else []

    async def validate_update(self, old, new, request):
        """Never smaller."""
        if new.spec.size < old.spec.size:
            raise DeniedError(invalid("spec.size", new.spec.size, "may only grow"))
        if new.spec.size == 13:
            raise RuntimeError("secret words of a bug")
        if new.spec.size == 14:
            await asyncio.sleep(60)
        return []

    async def validate_delete(self, obj, request):
        """Some stay."""
        if obj.metadata.name == "eternal":
            raise DeniedError(invalid("metadata.name", "eternal", "stays"))
        return []


@contextlib.asynccontextmanager
async def serving(**options):
    """A server with the widget rules, and a function that posts to it."""
    rules = WidgetRules()
    server = WebhookServer(WebhookOptions(host="127.0.0.1", port=0, **options))
    server.register(AdmissionWebhook(kind=Widget, validator=rules, defaulter=rules))
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        running = group.create_task(server.run())
        await server.started.wait()

        async def post(path, body, **kw):
            data = body if isinstance(body, bytes) else orjson.dumps(body)
            headers = {"Content-Type": kw.pop("content_type", "application/json")}
            url = f"http://127.0.0.1:{server.port}{path}"
            async with session.post(url, data=data, headers=headers) as answer:
                return answer.status, orjson.loads(await answer.read())

        yield server, post
        running.cancel()


def review(operation, new=None, old=None, name="w"):
    """An AdmissionReview as an API server sends it."""

    def body(spec):
        return None if spec is None else {"metadata": {"name": name}, "spec": spec}

    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "u-1",
            "operation": operation,
            "name": name,
            "namespace": "ns",
            "userInfo": {"username": "me"},
            "object": body(new),
            "oldObject": body(old),
        },
    }


VALIDATE = "/validate-shop-example-v1-widget"
MUTATE = "/mutate-shop-example-v1-widget"


async def test_a_good_object_is_allowed_and_the_uid_comes_back():
    """The API server matches answers by uid."""
    async with serving() as (_, post):
        status, body = await post(VALIDATE, review("CREATE", {"size": 1}))
    assert status == 200
    assert body["response"] == {"uid": "u-1", "allowed": True}


async def test_all_problems_come_in_one_answer_with_field_paths():
    """The message is what kubectl prints; the causes are for programs; the code is 403."""
    async with serving() as (_, post):
        _, body = await post(VALIDATE, review("CREATE", {"size": -1}, name="nameless"))
    status = body["response"]["status"]
    assert body["response"]["allowed"] is False
    assert status["code"] == 403
    assert status["message"] == (
        "spec.size: Invalid value: -1: must be positive; "
        "metadata.labels[name]: Required value: say what it is"
    )
    assert [cause["field"] for cause in status["details"]["causes"]] == [
        "spec.size",
        "metadata.labels[name]",
    ]


@pytest.mark.parametrize(
    ("sent", "allowed"),
    [
        (review("UPDATE", {"size": 1}, {"size": 2}), False),
        (review("UPDATE", {"size": 2}, {"size": 1}), True),
        (review("DELETE", None, {"size": 1}, name="eternal"), False),
        (review("DELETE", None, {"size": 1}), True),
        (review("CONNECT"), True),
        (review("CREATE", {"size": "large"}), False),
    ],
)
async def test_each_operation_reaches_its_rule(sent, allowed):
    """Update sees both objects, delete the old one; an object of a wrong type is refused."""
    async with serving() as (_, post):
        _, body = await post(VALIDATE, sent)
    assert body["response"]["allowed"] is allowed


async def test_long_warnings_are_cut():
    """The API server drops what is longer than 256 characters."""
    async with serving() as (_, post):
        _, body = await post(VALIDATE, review("CREATE", {"size": 101}))
    assert [len(text) for text in body["response"]["warnings"]] == [256]


async def test_defaulting_patches_only_what_it_changed():
    """A patch that names other fields would take their ownership."""
    async with serving() as (_, post):
        _, body = await post(MUTATE, review("CREATE", {"size": 1}))
        _, same = await post(MUTATE, review("CREATE", {"size": 1, "color": "red"}))
    assert orjson.loads(base64.b64decode(body["response"]["patch"])) == [
        {"op": "add", "path": "/spec/color", "value": "grey"}
    ]
    assert "patch" not in same["response"]


@pytest.mark.parametrize(
    ("path", "body", "kw", "code"),
    [
        ("/nowhere", {}, {}, 404),
        (VALIDATE, b"not json", {}, 400),
        (VALIDATE, [], {}, 400),
        (VALIDATE, {"kind": "AdmissionReview"}, {}, 400),
        (VALIDATE, review("CREATE"), {}, 400),
        (VALIDATE, b"x" * 5000, {}, 413),
        (VALIDATE, {}, {"content_type": "text/plain"}, 415),
        (VALIDATE, review("UPDATE", {"size": 13}, {"size": 1}), {}, 500),
        (VALIDATE, review("UPDATE", {"size": 14}, {"size": 1}), {}, 504),
    ],
)
async def test_bad_requests_and_broken_rules_cost_one_answer(path, body, kw, code):
    """Whatever comes in, the server answers with a code and goes on; a bug's words stay inside."""
    options = {"max_body": 4096, "timeout": timedelta(milliseconds=50)}
    async with serving(**options) as (_, post):
        status, answer = await post(path, body, **kw)
        again, _ = await post(VALIDATE, review("CREATE", {"size": 1}))
    assert (status, again) == (code, 200)
    assert "secret" not in answer["message"]


def conversion(wanted, *objects):
    """A ConversionReview."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "ConversionReview",
        "request": {"uid": "c-1", "desiredAPIVersion": wanted, "objects": list(objects)},
    }


def rename(old, new):
    """A converter that renames one field of the spec and notes it in an annotation."""

    def convert(obj):
        spec = dict(obj["spec"])
        spec[new] = spec.pop(old)
        meta = {**obj["metadata"], "annotations": {"was": old}, "name": "hijacked"}
        return {**obj, "spec": spec, "metadata": meta}

    return convert


async def test_conversion_goes_through_the_hub_and_keeps_the_identity():
    """Between two old versions both steps run; only labels and annotations may change."""
    async with serving() as (server, post):
        server.converters.add_hub("Widget.shop.example", "v3")
        for version, field in (("v1", "size"), ("v2", "extent")):
            server.converters.add_spoke(
                "Widget.shop.example",
                version,
                to_hub=rename(field, "dimension"),
                from_hub=rename("dimension", field),
            )
        obj = {
            "apiVersion": "shop.example/v1",
            "kind": "Widget",
            "metadata": {"name": "w", "uid": "1"},
            "spec": {"size": 3},
        }
        _, body = await post("/convert", conversion("shop.example/v2", obj))
        _, failed = await post("/convert", conversion("shop.example/v9", obj))
    assert body["response"]["result"]["status"] == "Success"
    assert body["response"]["convertedObjects"] == [
        {
            "apiVersion": "shop.example/v2",
            "kind": "Widget",
            "metadata": {"name": "w", "uid": "1", "annotations": {"was": "dimension"}},
            "spec": {"extent": 3},
        }
    ]
    assert failed["response"]["result"]["status"] == "Failure"
    assert "v9" in failed["response"]["result"]["message"]
    assert "convertedObjects" not in failed["response"]


async def test_a_path_is_served_once():
    """Two rules for one kind would hide each other."""
    server = WebhookServer()
    server.register(AdmissionWebhook(kind=Widget, validator=WidgetRules()))
    with pytest.raises(ValueError, match="validate-shop"):
        server.register(AdmissionWebhook(kind=Widget, validator=WidgetRules()))
