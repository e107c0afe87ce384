"""Authentication: accounts, sessions, keys, and limits on guessing."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from api.formats.passwords import weakness
from api.formats.usernames import comparable
from api.queries import auth as queries
from api.schemas.account import ApiKeyIn, ApiKeyOut, Me, NewApiKey
from api.tables import ApiKey, User
from api.web import security
from api.web.problems import (
    InvalidCredentials,
    NotFound,
    TooManyAttempts,
    TooManyKeys,
    UsernameTaken,
    invalid,
)

IDLE_TIMEOUT = timedelta(hours=24)
ABSOLUTE_TIMEOUT = timedelta(days=30)
USER_SCOPES = frozenset({"read", "rate"})
ADMIN_SCOPES = USER_SCOPES | {"serve", "admin"}
MAX_KEYS = 50
# The prefix and 48 of the 256 random bits: enough to tell one's keys apart.
SHOWN_OF_KEY = len(security.API_KEY_PREFIX) + 8
# The limits of wrong passwords, and their seconds: for one name from one address, and
# from one address.
Limits = Sequence[tuple[int, int]]
FAILURE_LIMITS: Limits = ((10, 15 * 60), (25, 5 * 60))
# Beyond so many for one name from anywhere, each attempt waits: nobody may lock the
# owner out by guessing from many addresses.
UNHURRIED, WAIT_SECONDS = 100, 2.0
ONE_TIME_LIFE = timedelta(days=1)
security_log = logging.getLogger("cinefold.security")


@dataclass(frozen=True)
class Guess:
    """A password, the name it is given for, and the address it comes from."""

    username: str
    password: str
    address: str


@dataclass(frozen=True)
class Principal:
    """The caller of a request, and what they may do."""

    user_id: int
    scopes: frozenset[str]
    must_change_password: bool = False
    session_hash: bytes = b""  # empty for an API key
    is_admin: bool = False  # the user; an administrator's key may have fewer scopes
    key_hash: bytes = b""  # empty for a session


@dataclass(frozen=True)
class Browser:
    """The browser of a sign-in: the name it sends, and its earlier token."""

    user_agent: str | None = None
    old_token: str | None = None


async def register(
    session: AsyncSession, *, username: str, password: str, browser: Browser
) -> tuple[Me, str]:
    """Create an account and sign it in; return it with its session token."""
    _refuse_weak(password, "password", username=username)
    password_hash = await security.hash_password(password)
    try:
        user = await queries.add_user(
            session, username=username, password_hash=password_hash
        )
    except IntegrityError as error:
        raise UsernameTaken("The name is taken, or looks like one that is") from error
    security_log.info("user %d registered", user.id)
    return await _start_session(session, user, browser)


async def sign_in(
    session: AsyncSession,
    *,
    username: str,
    password: str,
    address: str,
    browser: Browser,
) -> tuple[Me, str]:
    """Check a password and start a session; count and limit wrong passwords."""
    guess = Guess(comparable(username), password, address)
    user = await queries.user_by_name(session, username)
    user = await check_password(session, user, guess, waits=True)
    if user.must_change_password and user.password_expires_at is not None:
        if user.password_expires_at <= datetime.now(UTC):
            security_log.info(
                "user %d gave a one-time password that has ended", user.id
            )
            raise InvalidCredentials(
                "This one-time password has ended; ask an administrator for another"
            )
        user.password_expires_at = datetime.now(UTC)  # that was its one use
    if security.needs_rehash(user.password_hash or ""):
        user.password_hash = await security.hash_password(password)
    return await _start_session(session, user, browser)


async def check_password(
    session: AsyncSession, user: User | None, guess: Guess, *, waits: bool = False
) -> User:
    """Return the user if the password is right; count and limit wrong passwords.

    An attempt counts as wrong until its password has been checked: many at once get no
    more guesses than one after another.
    """
    name, address = guess.username, guess.address
    await queries.lock_attempts(session, username=name, address=address)
    counts = await queries.recent_failures(session, username=name, address=address)
    for count, (limit, seconds) in zip(counts, FAILURE_LIMITS, strict=False):
        if count >= limit:
            security_log.info("too many wrong passwords from %s", address)
            raise TooManyAttempts(seconds)
    attempt = await queries.add_attempt(session, username=name, address=address)
    await session.commit()  # gives the connection to others: hashing takes its time
    if waits and counts[2] >= UNHURRIED:
        await asyncio.sleep(WAIT_SECONDS)
    password_hash = user.password_hash if user else None
    is_right = await security.verify_password(password_hash, guess.password)
    if user is None or not is_right or user.is_disabled:
        who = f"user {user.id}" if user else "an unknown name"
        security_log.info("wrong password for %s from %s", who, address)
        raise InvalidCredentials
    await queries.forget_attempt(session, attempt)
    await session.commit()
    return user


def _refuse_weak(password: str, field: str, *, username: str) -> None:
    reason = weakness(password, known=[username])
    if reason is not None:
        raise invalid("body", field, code="weak_password", message=reason)


async def _start_session(
    session: AsyncSession, user: User, browser: Browser
) -> tuple[Me, str]:
    """Create a new token at every sign-in, so that a planted one is worthless."""
    if browser.old_token is not None:
        await queries.delete_session(session, security.token_hash(browser.old_token))
    await queries.delete_expired_sessions(
        session, user_id=user.id, idle=IDLE_TIMEOUT, absolute=ABSOLUTE_TIMEOUT
    )
    token = security.new_token()
    await queries.add_session(
        session,
        user_id=user.id,
        token_hash=security.token_hash(token),
        user_agent=browser.user_agent,
    )
    me = await _describe(session, user)
    await session.commit()
    security_log.info("user %d signed in", user.id)
    return me, token


async def _describe(session: AsyncSession, user: User) -> Me:
    n_ratings = await queries.count_ratings(session, user.id)
    return Me(
        id=user.id,
        username=user.username or "",
        is_admin=user.is_admin,
        must_change_password=user.must_change_password,
        created_at=user.created_at,
        n_ratings=n_ratings,
    )


async def describe(session: AsyncSession, *, user_id: int) -> Me:
    """Describe a user to themselves."""
    return await _describe(session, await _existing(session, user_id))


async def _existing(session: AsyncSession, user_id: int) -> User:
    user = await session.get(User, user_id)
    if user is None:
        raise NotFound
    return user


async def sign_out(session: AsyncSession, *, principal: Principal) -> None:
    """End the caller's session."""
    await queries.delete_session(session, principal.session_hash)
    await session.commit()


async def confirm(
    session: AsyncSession, *, principal: Principal, password: str, address: str
) -> User:
    """Check the password of the signed-in user."""
    user = await _existing(session, principal.user_id)
    guess = Guess(comparable(user.username or ""), password, address)
    return await check_password(session, user, guess)


async def change_password(
    session: AsyncSession,
    *,
    principal: Principal,
    current: str,
    new: str,
    revoke_keys: bool,
    address: str,
    browser: Browser,
) -> str:
    """Replace the password and end all sessions; return the token of a new one."""
    user = await confirm(
        session, principal=principal, password=current, address=address
    )
    if current == new:
        raise invalid(
            "body",
            "new_password",
            code="unchanged",
            message="The new password is the current one; choose another",
        )
    _refuse_weak(new, "new_password", username=user.username or "")
    password_hash = await security.hash_password(new)
    await queries.set_password(session, user_id=user.id, password_hash=password_hash)
    await queries.delete_sessions(session, user_id=user.id)
    n_keys = await queries.delete_keys(session, user_id=user.id) if revoke_keys else 0
    security_log.info("user %d changed the password, revoked %d keys", user.id, n_keys)
    _, token = await _start_session(session, user, browser)
    return token


async def identify_session(
    session: AsyncSession, *, token: str | None
) -> Principal | None:
    """Find the user of a session cookie; `None` if it is not valid now."""
    if token is None:
        return None
    token_hash = security.token_hash(token)
    found = await queries.session_user(
        session, token_hash=token_hash, idle=IDLE_TIMEOUT, absolute=ABSOLUTE_TIMEOUT
    )
    if found is None:
        return None
    if found.is_old:
        await queries.touch_session(session, token_hash)
        await session.commit()
    return Principal(
        user_id=found.id,
        scopes=ADMIN_SCOPES if found.is_admin else USER_SCOPES,
        must_change_password=found.must_change_password,
        session_hash=token_hash,
        is_admin=found.is_admin,
    )


async def identify_key(session: AsyncSession, *, key: str) -> Principal | None:
    """Find the owner of an API key; its scopes never exceed those of the owner."""
    found = await queries.key_user(session, security.token_hash(key))
    if found is None:
        return None
    allowed = ADMIN_SCOPES if found.is_admin else USER_SCOPES
    return Principal(
        user_id=found.id,
        scopes=allowed & frozenset(found.scopes),
        is_admin=found.is_admin,
        key_hash=security.token_hash(key),
    )


async def is_still_administrator(session: AsyncSession, principal: Principal) -> bool:
    """Whether a caller who was let in as an administrator still would be."""
    return await queries.is_administrator(
        session,
        user_id=principal.user_id,
        session_hash=principal.session_hash,
        key_hash=principal.key_hash,
    )


async def create_key(
    session: AsyncSession, *, principal: Principal, body: ApiKeyIn
) -> NewApiKey:
    """Create an API key; only this reply shows it."""
    if not principal.scopes.issuperset(body.scopes):
        raise invalid(
            "body",
            "scopes",
            code="not_yours",
            message="You do not have all of these scopes yourself",
        )
    if await queries.count_keys(session, principal.user_id) >= MAX_KEYS:
        raise TooManyKeys
    key = security.API_KEY_PREFIX + security.new_token()
    row = await queries.add_key(
        session,
        user_id=principal.user_id,
        name=body.name,
        prefix=key[:SHOWN_OF_KEY],
        key_hash=security.token_hash(key),
        scopes=sorted(set(body.scopes)),
        days=body.expires_in_days,
    )
    await session.commit()
    security_log.info("user %d got key %d: %s", row.user_id, row.id, row.scopes)
    return NewApiKey(key=key, **ApiKeyOut.model_validate(row).model_dump())


async def create_administrator_key(
    session: AsyncSession, *, body: ApiKeyIn
) -> NewApiKey:
    """Create a key of the first administrator, for the command line."""
    user = await queries.administrator(session)
    if user is None:
        raise NotFound("There is no administrator yet; run `cinefold setup` first")
    principal = Principal(user_id=user.id, scopes=ADMIN_SCOPES)
    return await create_key(session, principal=principal, body=body)


async def list_keys(session: AsyncSession, *, principal: Principal) -> list[ApiKey]:
    """List the caller's keys."""
    return await queries.keys_of(session, principal.user_id)


async def revoke_key(
    session: AsyncSession, *, principal: Principal, key_id: int
) -> None:
    """Delete one of the caller's keys; it stops working at once."""
    if not await queries.delete_key(session, user_id=principal.user_id, key_id=key_id):
        raise NotFound
    await session.commit()
    security_log.info("user %d revoked key %d", principal.user_id, key_id)


async def ensure_administrator(session: AsyncSession) -> tuple[str, str] | None:
    """Create the first administrator; return name and one-time password of a new one.

    Until the administrator has changed the password, each call replaces it, so that a
    password lost in a closed terminal locks nobody out.
    """
    user = await queries.administrator(session)
    if user is not None and not user.must_change_password:
        return None
    password = security.new_token()[:20]
    password_hash = await security.hash_password(password)
    if user is None:
        user = await queries.add_user(
            session,
            username="admin",
            password_hash=password_hash,
            is_admin=True,
            must_change_password=True,
        )
    user.password_hash = password_hash
    user.password_expires_at = datetime.now(UTC) + ONE_TIME_LIFE
    await session.commit()
    return user.username or "", password
