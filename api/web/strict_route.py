"""Routes that read requests literally: one JSON document, each name once."""

import json
import re
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, get_origin
from urllib.parse import unquote_to_bytes

from fastapi import Request, Response
from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from api.web.problems import (
    InvalidRequest,
    LengthRequired,
    MalformedRequest,
    TooLarge,
    UnsupportedMediaType,
    field_error,
)

MAX_BODY_BYTES = 1024 * 1024
MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_ARCHIVE_BYTES = 64 * 1024 * 1024


class StrictRequest(Request):
    """A request whose JSON has one meaning."""

    async def read_json(self) -> None:
        """Read and parse the body once; later calls of `json()` find it here.

        The server reads no more than Content-Length, which was checked before.
        """
        body = await self.body()
        if body:
            self._json = parse_json(body)


def parse_json(body: bytes) -> Any:  # noqa: ANN401 - JSON is any value
    """Parse UTF-8 JSON as RFC 8259 has it, which the standard parser does not."""
    try:
        return json.loads(
            body.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):  # both decode errors are ValueErrors
        raise MalformedRequest("the body is not one valid JSON document") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError("repeated name")
    return document


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


class StrictRoute(APIRoute):
    """Checks what the framework would let pass, before it reads anything."""

    media_type = "application/json"
    max_body_bytes = MAX_BODY_BYTES
    named_paths: tuple[re.Pattern[str], ...] = ()  # other routes' part of this path

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Leave a path with a name in it, as `/models/active`, to its own route."""
        if any(path.match(scope["path"]) for path in self.named_paths):
            return Match.NONE, {}
        return super().matches(scope)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the framework's handler."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            self._check_headers(request)
            self._check_query(request)
            strict_request = StrictRequest(request.scope, request.receive)
            if self.body_field is not None and self.media_type == "application/json":
                await strict_request.read_json()
            return await handle(strict_request)

        return handle_strictly

    def _check_headers(self, request: Request) -> None:
        length = request.headers.get("content-length", "0")
        if not re.fullmatch("[0-9]{1,19}", length):
            raise MalformedRequest("Content-Length is not a number")
        is_chunked = "transfer-encoding" in request.headers
        has_body = is_chunked or length != "0"
        if has_body and self.body_field is None:
            raise MalformedRequest("this request takes no body")
        if is_chunked:
            raise LengthRequired
        if int(length) > self.max_body_bytes:
            raise TooLarge(f"a body may have at most {self.max_body_bytes} bytes")
        if has_body and not _is_plain(request, self.media_type):
            raise UnsupportedMediaType(f"this route reads {self.media_type}")

    def _check_query(self, request: Request) -> None:
        """Refuse unknown and repeated parameters: a typo must not widen a list."""
        try:
            unquote_to_bytes(request.scope["query_string"]).decode()
        except UnicodeDecodeError:
            raise MalformedRequest("the query is not UTF-8") from None
        fields = {field.alias: field for field in _query_fields(self.dependant)}
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


def let_names_win(routes: Sequence[BaseRoute]) -> None:
    """Take `active` in `/models/active` for a name, never for the id of a model."""
    strict = [route for route in routes if isinstance(route, StrictRoute)]
    for route in strict:
        route.named_paths = tuple(
            {
                other.path_regex
                for other in strict
                if _is_named(other.path.split("/"), route.path.split("/"))
            }
        )


def _is_named(names: list[str], template: list[str]) -> bool:
    """Whether one path is another with names in place of some parameters."""
    return (
        len(names) == len(template)
        and names != template
        and all(
            name == part or (part.startswith("{") and not name.startswith("{"))
            for name, part in zip(names, template, strict=True)
        )
    )


class CsvRoute(StrictRoute):
    """Reads a file as `text/csv`."""

    media_type = "text/csv"
    max_body_bytes = MAX_FILE_BYTES


class ZipRoute(StrictRoute):
    """Reads several files in one, as `application/zip`."""

    media_type = "application/zip"
    max_body_bytes = MAX_ARCHIVE_BYTES


class NdjsonRoute(StrictRoute):
    """Reads one JSON document a line, as `application/x-ndjson`."""

    media_type = "application/x-ndjson"
    max_body_bytes = MAX_FILE_BYTES


def _query_fields(dependant: Dependant) -> list[ModelField]:
    """List the query parameters of a route and of all it depends on."""
    nested = [_query_fields(each) for each in dependant.dependencies]
    return sum(nested, start=dependant.query_params)


def _is_list(field: ModelField) -> bool:
    return get_origin(field.field_info.annotation) is list


def _is_plain(request: Request, expected: str) -> bool:
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower()
    return (
        media_type.strip().lower() == expected
        and charset in {"", "charset=utf-8", 'charset="utf-8"'}
        and request.headers.get("content-encoding", "identity") == "identity"
    )
