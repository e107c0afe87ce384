"""Failures as RFC 9457 problem documents; every failing path ends here."""

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.routing import Match

logger = logging.getLogger(__name__)

FieldErrors = Sequence[Mapping[str, Any]]
# The client chooses the names of unknown fields, so they are cut and limited.
MAX_ERRORS = 100
MAX_NAME = 50


class Problem(Exception):  # noqa: N818 - the term of RFC 9457
    """Raised in services; status and slug are part of the public contract."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Internal error"

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: FieldErrors | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})


class MalformedRequest(Problem):
    """The body does not match its content type."""

    status, slug, title = 400, "malformed-request", "The request cannot be read"


class NotSignedIn(Problem):
    """No valid session and no valid key."""

    status, slug, title = 401, "not-signed-in", "Sign in or send an API key"

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": "Bearer"})


class InvalidCredentials(Problem):
    """User name or password is wrong; the reply does not say which."""

    status, slug, title = 401, "invalid-credentials", "Wrong user name or password"


class CrossOrigin(Problem):
    """Another site, or an unknown one, uses the cookie of a user."""

    status, slug, title = 403, "cross-origin", "Not allowed from another site"


class SessionRequired(Problem):
    """An API key must not manage its own account, nor create its successor."""

    status, slug, title = 403, "session-required", "Sign in; an API key cannot do this"


class PasswordChangeRequired(Problem):
    """A one-time password only allows its owner to choose a new one."""

    status, slug = 403, "password-change-required"
    title = "Choose your own password first"


class NotFound(Problem):
    """The resource is missing or not the caller's; the reply is the same."""

    status, slug, title = 404, "not-found", "No such resource"


class UnsafeDatabase(Problem):
    """The database may lose commits, and the settings do not allow that."""

    status, slug, title = 503, "unsafe-database", "The database is not durable"


class MethodNotAllowed(Problem):
    """The path exists, the method does not."""

    status, slug, title = 405, "method-not-allowed", "Method not allowed"


class UsernameTaken(Problem):
    """Another account has the name."""

    status, slug, title = 409, "username-taken", "This user name is taken"


class WrongState(Problem):
    """The resource exists, but is not in a state that allows this."""

    status, slug, title = 409, "wrong-state", "Not possible in this state"


class LastAdministrator(Problem):
    """The service needs at least one administrator."""

    status, slug = 409, "last-administrator"
    title = "Make somebody else an administrator first"


class TooManyKeys(Problem):
    """Keys are listed without pages, so their number is limited."""

    status, slug, title = 409, "too-many-keys", "Revoke a key you do not need first"


class LengthRequired(Problem):
    """A body must state its length, so that the limit holds before it is read."""

    status, slug, title = 411, "length-required", "Send Content-Length"


class PreconditionFailed(Problem):
    """The resource has changed since the caller read it."""

    status, slug, title = 412, "precondition-failed", "Changed since you read it"


class TooLarge(Problem):
    """The body is over the limit."""

    status, slug, title = 413, "too-large", "The request is too large"


class UnsupportedMediaType(Problem):
    """A route reads one content type, uncompressed."""

    status, slug = 415, "unsupported-media-type"
    title = "The content type is not the documented one, or compressed"


class UnknownHost(Problem):
    """The Host header names an unknown host."""

    status, slug, title = 421, "unknown-host", "This service has another host name"


class InvalidRequest(Problem):
    """Well formed, but outside the documented bounds; `errors` names the fields."""

    status, slug, title = 422, "invalid-request", "The request is not valid"


class PreconditionRequired(Problem):
    """A change must name the version it applies to."""

    status, slug, title = 428, "precondition-required", "Send If-Match"


class TooManyAttempts(Problem):
    """A rate limit; `Retry-After` says when to try again."""

    status, slug, title = 429, "too-many-attempts", "Too many attempts"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(headers={"Retry-After": str(retry_after_seconds)})


class TooManyRequests(Problem):
    """A client asks for more than its share; `Retry-After` says when to try again."""

    status, slug, title = 429, "too-many-requests", "Too many requests"

    def __init__(self, seconds: int, *, policy: str, name: str) -> None:
        super().__init__(
            f"Wait {seconds} s; the limit is for each user, or address",
            headers={
                "Retry-After": str(seconds),
                "RateLimit-Policy": policy,
                "RateLimit": f'"{name}";r=0;t={seconds}',
            },
        )


class Unavailable(Problem):
    """The database cannot be reached or is too slow; try again."""

    status, slug, title = 503, "unavailable", "The service is not available right now"

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"Retry-After": "5"})


BY_STATUS = {
    problem.status: problem
    for problem in (
        MalformedRequest,
        NotFound,
        MethodNotAllowed,
        TooLarge,
        UnsupportedMediaType,
        InvalidRequest,
    )
}


def field_error(*field: str | int, code: str, message: str) -> dict[str, Any]:
    """Describe one invalid field."""
    names = [part[:MAX_NAME] if isinstance(part, str) else part for part in field]
    return {"field": names, "code": code, "message": message}


def invalid(*field: str | int, code: str, message: str) -> InvalidRequest:
    """Refuse a request for one invalid field."""
    return InvalidRequest(errors=[field_error(*field, code=code, message=message)])


def render(problem: Problem, request_id: str) -> Response:
    """Write a problem document."""
    document: dict[str, Any] = {
        "type": f"/problems/{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "request_id": request_id,
    }
    if problem.errors is not None:
        document["errors"] = list(problem.errors[:MAX_ERRORS])
    return Response(
        json.dumps(document),
        status_code=problem.status,
        headers=problem.headers,
        media_type="application/problem+json",
    )


def respond(request: Request, problem: Problem) -> Response:
    """Render a problem with the id of the request."""
    return render(problem, request.state.request_id)


async def on_problem(request: Request, error: Exception) -> Response:
    """Render a problem that a service or a dependency raised."""
    assert isinstance(error, Problem)  # noqa: S101 - registered for this type only
    return respond(request, error)


async def on_validation_error(request: Request, error: Exception) -> Response:
    """Name the fields, never echo the input: it may be a password, or NaN."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - likewise
    errors = [
        field_error(*e["loc"], code=e["type"], message=e["msg"]) for e in error.errors()
    ]
    return respond(request, InvalidRequest(errors=errors))


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Render an error of the framework as a problem."""
    assert isinstance(error, HTTPException)  # noqa: S101 - likewise
    problem = BY_STATUS.get(error.status_code, Problem)()
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        problem.headers["Allow"] = ", ".join(sorted(methods(request)))
    return respond(request, problem)


def methods(request: Request) -> set[str]:
    """List the methods of a path; the framework lists those of its first route."""
    return {
        method
        for route in request.app.routes
        if route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods
    }


async def on_database_error(request: Request, error: Exception) -> Response:
    """Report a database that is unreachable or slow; raise all other errors."""
    if isinstance(error, DBAPIError) and not is_transient(error):
        raise error
    logger.warning("database unavailable: %s", type(error).__name__)
    return respond(request, Unavailable())


def is_transient(error: DBAPIError) -> bool:
    """Whether the same request may succeed later."""
    return error.connection_invalidated or isinstance(
        error, (OperationalError, InterfaceError)
    )


def install(app: FastAPI) -> None:
    """Register the handlers; the last resort is in `boundary.RequestBoundary`."""
    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(DBAPIError, on_database_error)
    app.add_exception_handler(PoolTimeoutError, on_database_error)
