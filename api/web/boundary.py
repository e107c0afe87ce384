"""The boundary that every request crosses: ids, host, origin, headers, last resort."""

import logging
import re
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.settings import Settings
from api.telemetry.observability import observed
from api.web import problems
from api.web.security import SAFE_METHODS, cookie_name

logger = logging.getLogger(__name__)

_HOST = re.compile(r"(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)


class RequestBoundary:
    """The outermost layer: request id, host and origin checks, headers, last resort.

    Plain ASGI, so that a streamed reply stays a stream and nothing runs twice.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        self.cookie = cookie_name(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        with observed(scope, request_id) as seen:
            await self._serve(scope, receive, send, seen)

    async def _serve(
        self, scope: Scope, receive: Receive, send: Send, seen: dict[str, int]
    ) -> None:
        request_id = scope["state"]["request_id"]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
                self._add_headers(MutableHeaders(scope=message), request_id)
            await send(message)

        try:
            self._check(scope)
            await self.app(scope, receive, send_with_headers)
        except Exception as error:
            problem = error if isinstance(error, problems.Problem) else None
            if problem is None:
                logger.exception("request %s failed", request_id)
            if seen["status"]:
                raise
            response = problems.render(problem or problems.Problem(), request_id)
            await response(scope, receive, send_with_headers)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if hostname(host) not in self.settings.allowed_hosts:
            raise problems.UnknownHost("Set PUBLIC_URL to the address that people open")
        if scope["method"] not in SAFE_METHODS:
            self._check_origin(headers, f"{scope['scheme']}://{host}")

    def _check_origin(self, headers: Headers, own_origin: str) -> None:
        """Refuse requests from other sites, and cookies without a known origin."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site not in {None, "same-origin", "none"}:
            raise problems.CrossOrigin
        if origin is not None and origin.lower() not in {own_origin, self.settings.url}:
            raise problems.CrossOrigin
        has_cookie = f"{self.cookie}=" in headers.get("cookie", "")
        if has_cookie and origin is None and site is None:
            raise problems.CrossOrigin(
                "A request with a session cookie needs an Origin header. "
                "A program should send an API key instead"
            )

    def _add_headers(self, headers: MutableHeaders, request_id: str) -> None:
        headers["X-Request-ID"] = request_id
        headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers.setdefault("Cache-Control", "no-store")
        if self.settings.is_https:
            headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"


def hostname(host: str) -> str:
    """Strip the port from a Host header; anything malformed matches no host."""
    found = _HOST.fullmatch(host.lower())
    return found["name"].strip("[]") if found else ""
