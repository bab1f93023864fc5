"""The small parts of the transport: lines, limits, waits, discovery."""

import asyncio
import itertools
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metal3.api.meta import v1 as metav1
from metal3.runtime.rest import DecodeError, NotFoundError, RESTMapper, RetryPolicy
from metal3.runtime.rest._limiter import Limiter
from metal3.runtime.rest._lines import Lines
from metal3.runtime.rest._retry import retry_after


@given(
    lines=st.lists(st.binary(max_size=20).map(lambda b: b.replace(b"\n", b"")), max_size=8),
    cuts=st.lists(st.integers(0, 160), max_size=8),
)
def test_chunks_do_not_matter(lines, cuts):
    """However a stream is cut, the lines are the same."""
    whole = b"".join(line + b"\n" for line in lines)
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    reader = Lines(100)
    found = [
        line for start, end in itertools.pairwise(edges) for line in reader.feed(whole[start:end])
    ]
    assert found == [line for line in lines if line]
    assert reader.rest() == b""


@pytest.mark.looptime(start=0)
async def test_the_limiter_lets_a_burst_through_and_then_a_rate():
    """Ten requests with a burst of four at two a second take three seconds, in order."""
    limiter, order = Limiter(qps=2, burst=4), []

    async def request(number):
        await limiter.wait()
        order.append((number, asyncio.get_running_loop().time()))

    async with asyncio.TaskGroup() as group:
        for number in range(10):
            group.create_task(request(number))
    assert [number for number, _ in order] == list(range(10))
    assert [time for _, time in order] == pytest.approx([0] * 4 + [0.5, 1, 1.5, 2, 2.5, 3])


@given(attempt=st.integers(1, 30))
def test_waits_grow_are_jittered_and_end(attempt):
    """Never more than one and a half times the longest."""
    policy = RetryPolicy()
    wait = policy.delay(attempt, None)
    assert policy.first <= wait <= policy.longest * 1.5
    assert policy.delay(attempt, timedelta(seconds=9)) == timedelta(seconds=9)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("3", 3), (" 0 ", 0), ("", None), ("-1", None), ("Wed, 21 Oct", None), ("9" * 99, None)],
)
def test_retry_after_is_seconds_or_nothing(value, expected):
    """Dates and nonsense count as absent."""
    wanted = None if expected is None else timedelta(seconds=expected)
    assert retry_after({"Retry-After": value}) == wanted


class Discovery:
    """Answers discovery and counts."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []

    async def send(self, request):
        """The list of a group version."""
        self.asked.append(request.path)
        if request.path not in self.answers:
            raise NotFoundError("no such group")
        return self.answers[request.path]


WIDGETS = b"""{"kind":"APIResourceList","resources":[
 {"name":"widgets","namespaced":true,"kind":"Widget"},
 {"name":"widgets/status","namespaced":true,"kind":"Widget"},
 {"name":"racks","namespaced":false,"kind":"Rack"}]}"""
WIDGET = metav1.GroupVersionKind("test.example", "v1", "Widget")


@pytest.mark.looptime(start=0)
async def test_kinds_are_discovered_once_for_a_group_version():
    """All kinds of the answer are remembered, whoever asks at the same time."""
    server = Discovery({"/apis/test.example/v1": WIDGETS})
    mapper = RESTMapper(server)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(mapper.resource_for(WIDGET)) for _ in range(3)]
    rack = await mapper.resource_for(WIDGET._replace(kind="Rack"))
    assert {task.result().plural for task in tasks} == {"widgets"}
    assert (rack.plural, rack.namespaced) == ("racks", False)
    assert rack.path(name="r1", subresource="status") == "/apis/test.example/v1/racks/r1/status"
    assert server.asked == ["/apis/test.example/v1"]


@pytest.mark.looptime(start=0)
async def test_an_unknown_kind_is_asked_for_again_after_a_while():
    """A CRD may be installed while we run; until then the server is not pestered."""
    server = Discovery({})
    mapper = RESTMapper(server)
    for _ in range(3):
        with pytest.raises(NotFoundError, match="no matches for kind 'Widget'"):
            await mapper.resource_for(WIDGET)
    assert len(server.asked) == 1
    server.answers["/apis/test.example/v1"] = WIDGETS
    await asyncio.sleep(11)
    assert (await mapper.resource_for(WIDGET)).plural == "widgets"


@pytest.mark.parametrize("body", [b"", b"[]", b'{"resources":[{}]}', b'{"resources":[7]}'])
async def test_nonsense_from_discovery_is_a_decode_error(body):
    """It names the group version."""
    mapper = RESTMapper(Discovery({"/apis/test.example/v1": body}))
    with pytest.raises(DecodeError, match=r"test\.example/v1"):
        await mapper.resource_for(WIDGET)
