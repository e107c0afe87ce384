"""The OpenAPI document says what the service does.

That every reply of every test is one the document describes is checked by the test
client itself, in `tests/conftest.py`.
"""

import json
import re
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from api.web.openapi import document
from tests.conftest import ORIGIN, check_documented

pytestmark = pytest.mark.anyio

REFERENCE = re.compile(r'"#/components/schemas/(\w+)"')
# Replies that are files or streams, by path and status.
FILES = {
    ("/experiments/{experiment_id}/exposures", "200"): [
        "application/x-ndjson",
        "text/csv",
    ],
    ("/ratings/{user_id}/export", "200"): ["text/csv"],
    ("/training-runs/{run_id}/events", "200"): ["text/event-stream"],
    ("/code-proposals/{proposal_id}/patch", "200"): ["text/x-diff"],
    ("/metrics", "200"): ["text/plain"],
    ("/movies/{movie_id}/poster", "200"): ["image/jpeg"],
}


@pytest.fixture
async def described(anonymous):
    return (await anonymous.get("/openapi.json")).json()


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """List (path, method, operation)."""
    return [
        (path, method, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]


async def test_every_operation_describes_every_status_with_a_body(described):
    for path, method, operation in operations(described):
        for status, response in operation["responses"].items():
            kinds = list(response.get("content", {}))
            is_failure = int(status) >= 400
            usual = "application/problem+json" if is_failure else "application/json"
            expected = FILES.get((path, status), [usual])
            if status in {"204", "304"}:
                expected = []
            assert kinds == expected, (path, method)
            assert response["description"]
            for content in response.get("content", {}).values():
                assert content["schema"]


async def test_every_operation_can_fail_in_the_ways_all_do(described):
    for path, method, operation in operations(described):
        statuses = set(operation["responses"])
        assert {"400", "421", "422", "500", "503"} <= statuses, (path, method)
        assert ("requestBody" in operation) == ({"411", "413", "415"} <= statuses)
        if method != "get":
            assert "403" in statuses
        if "{" in path:
            assert "404" in statuses


async def test_every_operation_says_what_it_does(described):
    for path, method, operation in operations(described):
        assert operation["description"], (path, method)


async def test_every_reference_of_the_document_leads_somewhere(described):
    schemas = described["components"]["schemas"]
    prefix = '"$ref": "#/components/schemas/'

    names = {part.split('"')[0] for part in json.dumps(described).split(prefix)[1:]}

    assert names <= set(schemas)
    assert "HTTPValidationError" not in schemas
    assert "ProblemOut" in names


async def test_no_body_takes_a_field_it_does_not_offer(described):
    """A4 for every write; that the schema is kept to is `test_bad_input.py`'s part."""
    schemas = described["components"]["schemas"]
    waiting = [op["requestBody"] for _, _, op in operations(described)
               if "requestBody" in op]  # fmt: skip
    seen: set[str] = set()
    while waiting:
        found = REFERENCE.findall(json.dumps(waiting.pop()))
        for name in set(found) - seen:
            seen.add(name)
            waiting.append(schemas[name])

    assert len(seen) > 15
    for name in seen:
        if schemas[name].get("type") == "object":
            assert schemas[name]["additionalProperties"] is False, name


async def test_the_document_lists_every_route(app, described):
    routes = {
        (route.path, method.lower())
        for route in app.routes
        if isinstance(route, APIRoute) and route.include_in_schema
        for method in route.methods or ()
    }

    assert {(path, method) for path, method, _ in operations(described)} == routes


async def test_the_command_line_prints_what_the_service_serves(app, described):
    assert document(app) == described


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (201, "application/json", '{"items": []}'),
        (418, "application/problem+json", "{}"),
        (200, "text/html", "<p>"),
        (200, "application/json", '{"items": [], "extra": 1}'),
        (200, "application/json", '{"items": [{"name": "Drama"}]}'),
        (422, "application/problem+json", '{"title": "half a problem"}'),
    ],
)
async def test_the_test_client_notices_a_reply_that_is_not_described(
    app, status, content_type, body
):
    request = httpx.Request("GET", f"{ORIGIN}/genres")
    headers = {"content-type": content_type}
    reply = httpx.Response(status, text=body, headers=headers, request=request)

    with pytest.raises((AssertionError, ValueError)):
        await check_documented(app, reply)
