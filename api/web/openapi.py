"""The OpenAPI document: every status that a route can return, with its shape."""

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from api.schemas.base import ProblemOut
from api.web import problems
from api.web.dependencies import (
    LIMITED,
    Public,
    admin_user,
    calls,
    current_user,
    metrics_reader,
    public,
    serving_user,
    session_user,
    writer,
)
from api.web.problems import Problem
from api.web.strict_route import StrictRoute

PROBLEM_SCHEMA = {"$ref": "#/components/schemas/ProblemOut"}
ALWAYS: tuple[type[Problem], ...] = (
    problems.MalformedRequest,
    problems.UnknownHost,
    problems.InvalidRequest,
    problems.Problem,
    problems.Unavailable,
)
WITH_BODY = (
    problems.LengthRequired,
    problems.TooLarge,
    problems.UnsupportedMediaType,
)
# Problems of single routes, beyond those that follow from access, parameters, body.
SPECIAL: dict[tuple[str, str], tuple[type[Problem], ...]] = {
    ("POST", "/auth/register"): (problems.UsernameTaken,),
    ("POST", "/auth/session"): (problems.InvalidCredentials, problems.TooManyAttempts),
    ("PUT", "/me/password"): (problems.InvalidCredentials, problems.TooManyAttempts),
    ("POST", "/recommendations"): (problems.NotFound,),
    ("PUT", "/feedback"): (problems.NotFound, problems.TooManyAttempts),
    ("PATCH", "/experiments/{experiment_id}"): (
        problems.WrongState,
        problems.PreconditionFailed,
        problems.PreconditionRequired,
    ),
    ("POST", "/experiments/{experiment_id}/start"): (problems.WrongState,),
    ("POST", "/experiments/{experiment_id}/stop"): (problems.WrongState,),
    ("GET", "/experiments/{experiment_id}/results"): (problems.WrongState,),
    ("GET", "/experiments/{experiment_id}/exposures"): (problems.WrongState,),
    ("POST", "/me/deletion"): (
        problems.InvalidCredentials,
        problems.TooManyAttempts,
        problems.LastAdministrator,
    ),
    ("POST", "/users"): (problems.UsernameTaken,),
    ("PATCH", "/users/{user_id}"): (problems.LastAdministrator,),
    ("POST", "/api-keys"): (problems.TooManyKeys,),
    ("POST", "/training-runs"): (problems.TooManyAttempts,),
    ("POST", "/training-runs/{run_id}/cancel"): (problems.WrongState,),
    ("POST", "/models/rollback"): (problems.WrongState,),
    ("POST", "/models/{model_id}/activate"): (problems.WrongState,),
    ("DELETE", "/models/{model_id}"): (problems.WrongState,),
    ("GET", "/models/{model_id}/map"): (problems.WrongState,),
    ("POST", "/diagnostics/expectations"): (problems.WrongState,),
    ("POST", "/diagnostics/dummy-user"): (problems.WrongState,),
    ("POST", "/code-proposals"): (problems.TooManyAttempts,),
    ("POST", "/code-proposals/{proposal_id}/comments"): (problems.WrongState,),
    ("PUT", "/code-proposals/{proposal_id}/decision"): (problems.WrongState,),
}


def add_document(app: FastAPI) -> None:
    """Describe the routes so far, and add a route that returns the document."""
    content = JSONResponse(document(app)).body  # written once, not at each request

    async def get_openapi(_: Request) -> Response:
        """Describe this API."""
        return Response(content, media_type="application/json")

    route = StrictRoute(
        "/openapi.json",
        get_openapi,
        dependencies=[Public],
        include_in_schema=False,
    )
    app.router.routes.append(route)


def document(app: FastAPI) -> dict[str, Any]:
    """Add every failure of every route to FastAPI's document."""
    described = app.openapi()
    schemas = described["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem_schema = ProblemOut.model_json_schema(
        ref_template="#/components/schemas/{model}"
    )
    schemas.update(problem_schema.pop("$defs"))
    schemas["ProblemOut"] = problem_schema
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                operation = described["paths"][route.path][method.lower()]
                operation["responses"] |= failures(route, method)
                operation["responses"] = dict(sorted(operation["responses"].items()))
    return described


def failures(route: APIRoute, method: str) -> dict[str, Any]:
    """List the problems that a route can return."""
    possible = [*ALWAYS, *SPECIAL.get((method, route.path), ())]
    declared = calls(route.dependant)
    if declared & LIMITED:
        possible.append(problems.TooManyRequests)
    if public not in declared:
        possible.append(problems.NotSignedIn)
    if session_user in declared:
        possible.append(problems.SessionRequired)
    if current_user in declared:
        possible.append(problems.PasswordChangeRequired)
    if route.path.count("{") or declared & {
        admin_user,
        metrics_reader,
        serving_user,
        writer,
    }:
        possible.append(problems.NotFound)
    if route.body_field is not None:
        possible.extend(WITH_BODY)
    if method != "GET":
        possible.append(problems.CrossOrigin)
    by_status: dict[int, list[str]] = {}
    for problem in possible:
        by_status.setdefault(problem.status, []).append(problem.title)
    return {
        str(status): {
            "description": "; ".join(titles),
            "content": {"application/problem+json": {"schema": PROBLEM_SCHEMA}},
        }
        for status, titles in by_status.items()
    }
