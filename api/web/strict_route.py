"""Routes that read requests literally: one JSON document, each name once."""

import re
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from typing import Any, TypeAlias, get_origin
from urllib.parse import unquote_to_bytes

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import solve_dependencies
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from api.formats.strict_json import parse_json
from api.web.problems import (
    InvalidRequest,
    LengthRequired,
    MalformedRequest,
    TooLarge,
    Unavailable,
    UnsupportedMediaType,
    field_error,
)

MAX_BODY_BYTES = 1024 * 1024
MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_ARCHIVE_BYTES = 64 * 1024 * 1024


SMALL_BODY_BYTES = 64 * 1024  # the server buffers as much of any request
MAX_IN_FLIGHT_BYTES = 192 * 1024 * 1024

Handler: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]


class InFlight:
    """The bytes of all large bodies that are held at a time."""

    def __init__(self) -> None:
        self.n_bytes = 0

    @contextmanager
    def reserved(self, length: int) -> Iterator[None]:
        """Hold room for a body; `Unavailable` while there is too little."""
        if self.n_bytes + length > MAX_IN_FLIGHT_BYTES:
            raise Unavailable("Too much data is being sent at once; try again")
        self.n_bytes += length
        try:
            yield
        finally:
            self.n_bytes -= length


in_flight = InFlight()


class StrictRequest(Request):
    """A request whose JSON has one meaning."""

    async def read_json(self) -> None:
        """Parse the body once, for later calls of `json()`.

        The server reads at most Content-Length bytes, which `StrictRoute` has checked.
        """
        body = await self.body()
        if not body:
            return
        try:
            self._json = parse_json(body)
        except ValueError:
            raise MalformedRequest("The body is not one valid JSON document") from None


class StrictRoute(APIRoute):
    """A route that checks headers and query more strictly than the framework."""

    media_type = "application/json"
    other_media_types: tuple[str, ...] = ()
    max_body_bytes = MAX_BODY_BYTES
    limits: Sequence[Callable[[Request, Response], Awaitable[None]]] = ()
    admission = Dependant()  # the dependencies that say who may call
    literal_paths: tuple[re.Pattern[str], ...] = ()  # more specific routes' paths

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Leave `/models/active` to its own route, so that a wrong method gets 405."""
        if any(path.match(scope["path"]) for path in self.literal_paths):
            return Match.NONE, {}
        return super().matches(scope)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the framework's handler."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            length = self._check_headers(request)
            self._check_query(request)
            for count in self.limits:
                await count(request, Response())
            if length <= SMALL_BODY_BYTES:
                return await self._handle(handle, request)
            await self._admit(request)
            with in_flight.reserved(length):
                return await self._handle(handle, request)

        return handle_strictly

    async def _handle(self, handle: Handler, request: Request) -> Response:
        strict_request = StrictRequest(request.scope, request.receive)
        if self.body_field is not None and self.media_type == "application/json":
            await strict_request.read_json()
        return await handle(strict_request)

    async def _admit(self, request: Request) -> None:
        """Ask who calls before a large body is read; refused ones are not read."""
        async with AsyncExitStack() as stack:
            scope = {
                **request.scope,
                "fastapi_inner_astack": stack,
                "fastapi_function_astack": stack,
            }
            solved = await solve_dependencies(
                request=Request(scope),
                dependant=self.admission,
                async_exit_stack=stack,
                embed_body_fields=False,
            )
        if solved.errors:
            raise RequestValidationError(solved.errors)

    def _check_headers(self, request: Request) -> int:
        length = request.headers.get("content-length", "0")
        if not re.fullmatch("[0-9]{1,19}", length):
            raise MalformedRequest("Content-Length is not a number")
        is_chunked = "transfer-encoding" in request.headers
        has_body = is_chunked or length != "0"
        if has_body and self.body_field is None:
            raise MalformedRequest("This request takes no body")
        if is_chunked:
            raise LengthRequired
        if int(length) > self.max_body_bytes:
            raise TooLarge(
                f"The body is longer than the limit of {self.max_body_bytes} bytes"
            )
        expected = (self.media_type, *self.other_media_types)
        if has_body and not any(_is_plain(request, each) for each in expected):
            raise UnsupportedMediaType(
                f"Send the body as {self.media_type}, uncompressed"
            )
        return int(length)

    def _check_query(self, request: Request) -> None:
        """Refuse unknown and repeated parameters: a typo must not widen a list."""
        try:
            unquote_to_bytes(request.scope["query_string"]).decode()
        except UnicodeDecodeError:
            raise MalformedRequest("The query is not UTF-8") from None
        fields = _query_fields(self.dependant)
        errors = []
        for name in request.query_params:
            n_values = len(request.query_params.getlist(name))
            if name not in fields:
                message = "There is no such parameter"
                errors.append(
                    field_error("query", name, code="unknown", message=message)
                )
            elif n_values > 1 and not _is_list(fields[name]):
                message = "Give this parameter once"
                errors.append(
                    field_error("query", name, code="repeated", message=message)
                )
        if errors:
            raise InvalidRequest(errors=errors)


def prefer_literal_paths(routes: Sequence[BaseRoute]) -> None:
    """Never match the `active` of `/models/active` as the id of a model."""
    strict = [route for route in routes if isinstance(route, StrictRoute)]
    for route in strict:
        route.literal_paths = tuple(
            other.path_regex
            for other in strict
            if _is_more_specific(other.path.split("/"), route.path.split("/"))
        )


def _is_more_specific(path: list[str], template: list[str]) -> bool:
    """Whether a path is a template with literals in place of some parameters."""
    return (
        len(path) == len(template)
        and path != template
        and all(
            name == part or (part.startswith("{") and not name.startswith("{"))
            for name, part in zip(path, template, strict=True)
        )
    )


class RatingsRoute(StrictRoute):
    """Reads a file of ratings as it is: a table, an archive or JSON."""

    media_type = "text/csv"
    other_media_types = ("application/zip", "application/json")
    max_body_bytes = MAX_FILE_BYTES

    async def _handle(self, handle: Handler, request: Request) -> Response:
        """Keep the framework from reading JSON: the file says itself what it is."""
        rest = [h for h in request.scope["headers"] if h[0] != b"content-type"]
        request.scope["headers"] = [*rest, (b"content-type", b"text/csv")]
        return await super()._handle(handle, request)


class ZipRoute(StrictRoute):
    """Reads several files in one, as `application/zip`."""

    media_type = "application/zip"
    max_body_bytes = MAX_ARCHIVE_BYTES


class NdjsonRoute(StrictRoute):
    """Reads one JSON document a line, as `application/x-ndjson`."""

    media_type = "application/x-ndjson"
    max_body_bytes = MAX_FILE_BYTES


def _query_fields(dependant: Dependant) -> dict[str, Any]:
    """Find the types of the query parameters of a route and its dependencies."""
    types: dict[str, Any] = {}
    for field in dependant.query_params:
        annotation = field.field_info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            fields = annotation.model_fields.items()
            types |= {name: each.annotation for name, each in fields}
        else:
            types[field.alias] = annotation
    for each in dependant.dependencies:
        types |= _query_fields(each)
    return types


def _is_list(annotation: object) -> bool:
    return get_origin(annotation) is list


def _is_plain(request: Request, expected: str) -> bool:
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower()
    return (
        media_type.strip().lower() == expected
        and charset in {"", "charset=utf-8", 'charset="utf-8"'}
        and request.headers.get("content-encoding", "identity") == "identity"
    )
