"""Passwords, tokens and the session cookie."""

import hashlib
import secrets

from anyio import CapacityLimiter, to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from starlette.requests import Request

from api.settings import Settings

# 19 MiB, two passes, one lane: the OWASP minimum for Argon2id.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Verified for unknown users, so that they take as long as known ones.
_DECOY_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg"
    "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
# Two hashes at a time: more would only take processor time from each other.
_hashing = CapacityLimiter(2)

API_KEY_PREFIX = "cinefold_"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


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


def bearer_key(request: Request) -> str | None:
    """Read an API key from `Authorization: Bearer` or `X-API-Key`."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    return request.headers.get("x-api-key")
