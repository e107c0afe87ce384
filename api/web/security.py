"""Passwords, tokens, and the boundary every request crosses."""

import hashlib
import logging
import re
import secrets
import uuid

from anyio import CapacityLimiter, to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.settings import Settings
from api.telemetry.observability import observed
from api.web import problems

logger = logging.getLogger(__name__)

# 19 MiB, two passes, one lane: the OWASP minimum for Argon2id.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Verified for unknown users, so that they take as long as known ones.
_DECOY_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg"
    "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
# Two hashes at a time: more would only take processor time from each other.
_hashing = CapacityLimiter(2)

_HOST = re.compile(r"(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
API_KEY_PREFIX = "cinefold_"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)


async def hash_password(password: str) -> str:
    """Hash with Argon2id, off the event loop."""
    return await to_thread.run_sync(_hasher.hash, password, limiter=_hashing)


async def verify_password(password_hash: str | None, password: str) -> bool:
    """Compare with a stored hash; `None` (no such user) costs the same time."""
    return await to_thread.run_sync(
        _verify, password_hash or _DECOY_HASH, password, limiter=_hashing
    )


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(password_hash: str) -> bool:
    """Whether a hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


def new_token() -> str:
    """Make 256 random bits for a session or a one-time password."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """Hash a token for storage; random tokens need no slow hash."""
    return hashlib.sha256(token.encode()).digest()


def cookie_name(settings: Settings) -> str:
    """Name the session cookie; browsers accept the prefix over TLS only."""
    return "__Host-session" if settings.is_https else "session"


class RequestBoundary:
    """The outermost layer: request id, host and origin checks, headers, last resort.

    Plain ASGI, so that a streamed reply stays a stream and nothing runs twice.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        self.cookie = cookie_name(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
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
            raise problems.UnknownHost(
                "set PUBLIC_URL to the address people use to reach this service"
            )
        if scope["method"] not in SAFE_METHODS:
            self._check_origin(headers, f"{scope['scheme']}://{host}")

    def _check_origin(self, headers: Headers, own_origin: str) -> None:
        """Refuse what another site sends, and a cookie sent by nobody knows whom."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site not in {None, "same-origin", "none"}:
            raise problems.CrossOrigin
        if origin is not None and origin.lower() not in {own_origin, self.settings.url}:
            raise problems.CrossOrigin
        has_cookie = f"{self.cookie}=" in headers.get("cookie", "")
        if has_cookie and origin is None and site is None:
            raise problems.CrossOrigin(
                "a request with a session cookie needs an Origin header; "
                "programs should send an API key instead"
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
            headers["Strict-Transport-Security"] = "max-age=31536000"


def hostname(host: str) -> str:
    """Strip the port from a Host header; anything malformed matches no host."""
    found = _HOST.fullmatch(host.lower())
    return found["name"].strip("[]") if found else ""
