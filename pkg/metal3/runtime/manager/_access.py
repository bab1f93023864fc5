"""Asks the API server whether a bearer of a token may read a path; remembers the answer a while."""

import asyncio
import hashlib
from collections import OrderedDict
from datetime import timedelta
from enum import Enum
from typing import Final

from metal3.api.authentication_k8s_io import v1 as authenticationv1
from metal3.api.authorization_k8s_io import v1 as authorizationv1
from metal3.runtime.client import ApiError, Client
from metal3.runtime.log import get_logger

log = get_logger(__name__)

_REMEMBER: Final = timedelta(minutes=1)
_REMEMBER_NO: Final = timedelta(seconds=10)
_REMEMBERED: Final = 256
_AT_ONCE: Final = 4
_TIMEOUT: Final = timedelta(seconds=10)


class Verdict(Enum):
    """The answer; the value is its HTTP code."""

    ALLOWED = 200
    UNAUTHORIZED = 401
    FORBIDDEN = 403
    UNAVAILABLE = 503


class AccessReviewer:
    """TokenReview, then SubjectAccessReview; bounded in memory, time and requests at once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: OrderedDict[tuple[bytes, str], tuple[Verdict, float]] = OrderedDict()
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def review(self, authorization: str, path: str) -> Verdict:
        """Whether the bearer of the header may GET ``path``."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return Verdict.UNAUTHORIZED
        # Only a digest is kept, so that memory never holds a list of tokens.
        key = hashlib.sha256(token.strip().encode()).digest(), path
        verdict = self._remembered(key)
        if verdict is not None:
            return verdict
        if self._slots.locked():
            return Verdict.UNAVAILABLE
        async with self._slots:
            verdict = await self._ask(token.strip(), path)
        self._remember(key, verdict)
        return verdict

    def _remembered(self, key: tuple[bytes, str]) -> Verdict | None:
        found = self._known.get(key)
        if found is None or found[1] <= asyncio.get_running_loop().time():
            return None
        return found[0]

    def _remember(self, key: tuple[bytes, str], verdict: Verdict) -> None:
        if verdict is Verdict.UNAVAILABLE:
            return
        span = _REMEMBER if verdict is Verdict.ALLOWED else _REMEMBER_NO
        until = asyncio.get_running_loop().time() + span.total_seconds()
        self._known.pop(key, None)
        self._known[key] = verdict, until
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    async def _ask(self, token: str, path: str) -> Verdict:
        try:
            async with asyncio.timeout(_TIMEOUT.total_seconds()):
                user = await self._authenticate(token)
                if user is None:
                    return Verdict.UNAUTHORIZED
                allowed = await self._authorize(user, path)
        except (ApiError, TimeoutError) as error:
            log.warning("access to metrics cannot be reviewed", error=error)
            return Verdict.UNAVAILABLE
        return Verdict.ALLOWED if allowed else Verdict.FORBIDDEN

    async def _authenticate(self, token: str) -> authenticationv1.UserInfo | None:
        review = authenticationv1.TokenReview(spec=authenticationv1.TokenReviewSpec(token=token))
        status = (await self._client.create(review)).status
        return status.user if status.authenticated else None

    async def _authorize(self, user: authenticationv1.UserInfo, path: str) -> bool:
        review = authorizationv1.SubjectAccessReview(
            spec=authorizationv1.SubjectAccessReviewSpec(
                user=user.username,
                uid=user.uid,
                groups=user.groups,
                extra=user.extra,
                non_resource_attributes=authorizationv1.NonResourceAttributes(
                    path=path, verb="get"
                ),
            )
        )
        return (await self._client.create(review)).status.allowed
