"""Two ways to send a request, and decorators that make methods of descriptions."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from itertools import count
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

import httpx

from api.clients.cinefold.requests import Outcome, Page, Request

P = ParamSpec("P")
T = TypeVar("T")

N_ATTEMPTS = 4
TIMEOUT_SECONDS = 30.0


class SyncTransport:
    """Sends requests and waits for their replies."""

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        n_attempts: int = N_ATTEMPTS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.n_attempts = n_attempts
        self.http = httpx.Client(
            base_url=base_url,
            headers=credentials(api_key),
            timeout=timeout_seconds,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self.http.close()

    def send(self, request: Request[T]) -> T:
        """Send a request, and again while that is safe and may help."""
        for attempt in count():
            outcome = self._attempt(request)
            wait = request.wait(outcome, attempt, self.n_attempts)
            if wait is None:
                break
            time.sleep(wait)
        return request.result(outcome)

    def pages(self, request: Request[Page[T]]) -> Iterator[T]:
        """Yield the entries of all pages; a page is asked for when it is needed."""
        cursor: str | None = ""
        while cursor is not None:
            page = self.send(request.after(cursor) if cursor else request)
            yield from page.items
            cursor = page.next_cursor

    def _attempt(self, request: Request[Any]) -> Outcome:
        try:
            return self.http.request(**request.arguments())
        except httpx.TransportError as error:
            return error


class AsyncTransport:
    """Sends requests; replies are awaited."""

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        n_attempts: int = N_ATTEMPTS,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.n_attempts = n_attempts
        self.http = httpx.AsyncClient(
            base_url=base_url,
            headers=credentials(api_key),
            timeout=timeout_seconds,
            transport=transport,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self.http.aclose()

    async def send(self, request: Request[T]) -> T:
        """Send a request, and again while that is safe and may help."""
        for attempt in count():
            outcome = await self._attempt(request)
            wait = request.wait(outcome, attempt, self.n_attempts)
            if wait is None:
                break
            await asyncio.sleep(wait)
        return request.result(outcome)

    async def pages(self, request: Request[Page[T]]) -> AsyncIterator[T]:
        """Yield the entries of all pages; a page is asked for when it is needed."""
        cursor: str | None = ""
        while cursor is not None:
            page = await self.send(request.after(cursor) if cursor else request)
            for item in page.items:
                yield item
            cursor = page.next_cursor

    async def _attempt(self, request: Request[Any]) -> Outcome:
        try:
            return await self.http.request(**request.arguments())
        except httpx.TransportError as error:
            return error


def credentials(api_key: str | None) -> dict[str, str]:
    """Send an API key as a header; without one only public routes answer."""
    return {"Authorization": f"Bearer {api_key}"} if api_key else {}


class operation(Generic[P, T]):  # noqa: N801 - a decorator
    """Turns a method that describes a request into one that sends it.

    Of a client that waits the method returns the result, of an asynchronous one a
    coroutine.
    """

    def __init__(self, describe: Callable[Concatenate[Any, P], Request[T]]) -> None:
        self.describe = describe
        self.__doc__ = describe.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: SyncTransport, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(
        self, client: AsyncTransport, owner: type
    ) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(
        self, client: SyncTransport | AsyncTransport | None, owner: type
    ) -> object:
        """Bind to a client."""
        if client is None:
            return self

        @wraps(self.describe)
        def send(*args: P.args, **kwargs: P.kwargs) -> object:
            return client.send(self.describe(client, *args, **kwargs))

        return send


class paged(Generic[P, T]):  # noqa: N801 - a decorator
    """Turns a method that describes a page into an iterator of all pages' entries."""

    def __init__(
        self, describe: Callable[Concatenate[Any, P], Request[Page[T]]]
    ) -> None:
        self.describe = describe
        self.__doc__ = describe.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(
        self, client: SyncTransport, owner: type
    ) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(
        self, client: AsyncTransport, owner: type
    ) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(
        self, client: SyncTransport | AsyncTransport | None, owner: type
    ) -> object:
        """Bind to a client."""
        if client is None:
            return self

        @wraps(self.describe)
        def iterate(*args: P.args, **kwargs: P.kwargs) -> object:
            return client.pages(self.describe(client, *args, **kwargs))

        return iterate
