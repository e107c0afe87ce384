"""One request: how to send it, read its reply, and decide whether to repeat it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Generic, Protocol, TypeVar
from uuid import uuid4

import httpx
from pydantic import BaseModel, ValidationError

from api.schemas.base import FieldErrorOut, ProblemOut

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
M = TypeVar("M", bound=BaseModel)

FIRST_PAUSE = 0.5  # seconds, doubled from attempt to attempt
LONGEST_WAIT = 60.0  # seconds; a service that asks for more gets no repetition
# A request that never arrived has changed nothing.
NOT_ARRIVED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
AWAY = frozenset(
    {
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
Outcome = httpx.Response | httpx.TransportError


class CinefoldError(Exception):
    """The service refused a request or failed.

    `slug` is the stable name of the problem, such as `not-found`; it is empty if
    something else than Cinefold replied.
    """

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.slug = ""
        self.detail: str | None = None
        self.errors: list[FieldErrorOut] = []
        self.request_id: str | None = None
        message = response.reason_phrase
        try:
            problem = ProblemOut.model_validate_json(response.content)
        except ValidationError:
            pass
        else:
            self.slug = problem.type.rpartition("/")[2]
            self.detail, self.request_id = problem.detail, problem.request_id
            self.errors = problem.errors or []
            message = problem.detail or problem.title
        places = [f"{'.'.join(map(str, e.field))}: {e.message}" for e in self.errors]
        super().__init__("; ".join([f"{self.status} {message}", *places]))


class Page(Protocol[T_co]):
    """A part of a list, and where the next one starts."""

    @property
    def items(self) -> Sequence[T_co]:
        """The entries."""

    @property
    def next_cursor(self) -> str | None:
        """None on the last page."""


@dataclass(frozen=True)
class Request(Generic[T_co]):
    """A request, and what reads its reply."""

    method: str
    path: str
    read: Callable[[httpx.Response], T_co]
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_repeatable: bool = True

    def arguments(self) -> dict[str, Any]:
        """List what httpx sends; parameters that are None stay out."""
        return {
            "method": self.method,
            "url": self.path,
            "params": {k: v for k, v in self.params.items() if v is not None},
            "json": self.json,
            "content": self.content,
            "headers": self.headers,
        }

    def after(self, cursor: str) -> "Request[T_co]":
        """Ask for the page that starts at a cursor."""
        return replace(self, params={**self.params, "cursor": cursor})

    def wait(self, outcome: Outcome, attempt: int, n_attempts: int) -> float | None:
        """Say how many seconds to wait before the next attempt; None: do not repeat."""
        pause = FIRST_PAUSE * 2**attempt
        if attempt + 1 >= n_attempts:
            return None
        if isinstance(outcome, httpx.TransportError):
            is_safe = self.is_repeatable or isinstance(outcome, NOT_ARRIVED)
            return pause if is_safe else None
        # A service that is away may have done what a POST asked for; 429 has not.
        is_refused = outcome.status_code == HTTPStatus.TOO_MANY_REQUESTS
        if not (is_refused or (self.is_repeatable and outcome.status_code in AWAY)):
            return None
        wait = requested_wait(outcome.headers.get("Retry-After", ""), default=pause)
        return wait if wait <= LONGEST_WAIT else None

    def result(self, outcome: Outcome) -> T_co:
        """Read the last outcome, or raise it."""
        if isinstance(outcome, httpx.TransportError):
            raise outcome
        if not outcome.is_success:
            raise CinefoldError(outcome)
        return self.read(outcome)


def requested_wait(retry_after: str, *, default: float) -> float:
    """Read `Retry-After`, which is a number of seconds or a date."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return default
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def reader(model: type[M]) -> Callable[[httpx.Response], M]:
    """Make a function that reads a reply as a schema."""
    return lambda response: model.model_validate_json(response.content)


def get(path: str, model: type[M], **params: object) -> Request[M]:
    """Read something."""
    return Request("GET", path, reader(model), params)


def get_text(path: str, **params: object) -> Request[str]:
    """Read a text, as a file of ratings."""
    return Request("GET", path, lambda response: response.text, params)


def put(path: str, model: type[M], json: object) -> Request[M]:
    """Store something."""
    return Request("PUT", path, reader(model), json=json)


def ask(path: str, model: type[M], json: Mapping[str, object]) -> Request[M]:
    """Read something by a body that is too large for a query; it changes nothing."""
    given = {name: value for name, value in json.items() if value is not None}
    return Request("POST", path, reader(model), json=given)


def act(path: str, model: type[M], body: BaseModel | None = None) -> Request[M]:
    """Do something that must not be done twice."""
    json = None if body is None else body.model_dump(mode="json", exclude_unset=True)
    return Request("POST", path, reader(model), json=json, is_repeatable=False)


def send_file(
    path: str, model: type[M], content: bytes, *, media_type: str, **params: object
) -> Request[M]:
    """Send a file; its idempotency key lets the service do it once however often."""
    headers = {"Content-Type": media_type, "Idempotency-Key": str(uuid4())}
    return Request(
        "POST", path, reader(model), params, content=content, headers=headers
    )


def without_reply(method: str, path: str) -> Request[None]:
    """Do something whose reply is empty."""
    return Request(method, path, lambda _: None)
