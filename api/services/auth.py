"""Authentication: accounts, sessions, keys, and limits on guessing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

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
# The limits of wrong passwords, and their seconds: for one name from one address, from
# one address, and for one name from anywhere.
Limits = Sequence[tuple[int, int]]
FAILURE_LIMITS: Limits = ((10, 15 * 60), (25, 5 * 60), (100, 60 * 60))
# Guesses made elsewhere must not keep a signed-in user from a new password.
SIGNED_IN_LIMITS = FAILURE_LIMITS[:2]


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


@dataclass(frozen=True)
class Browser:
    """The browser of a sign-in: the name it sends, and its earlier token."""

    user_agent: str | None = None
    old_token: str | None = None


async def register(
    session: AsyncSession, *, username: str, password: str, browser: Browser
) -> tuple[Me, str]:
    """Create an account and sign it in; return it with its session token."""
    password_hash = await security.hash_password(password)
    try:
        user = await queries.add_user(
            session, username=username, password_hash=password_hash
        )
    except IntegrityError as error:
        raise UsernameTaken from error
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
    guess = Guess(username.lower(), password, address)
    user = await queries.user_by_name(session, username)
    user = await check_password(session, user, guess, limits=FAILURE_LIMITS)
    if security.needs_rehash(user.password_hash or ""):
        user.password_hash = await security.hash_password(password)
    return await _start_session(session, user, browser)


async def check_password(
    session: AsyncSession, user: User | None, guess: Guess, *, limits: Limits
) -> User:
    """Return the user if the password is right; count and limit wrong passwords."""
    counts = await queries.recent_failures(
        session, username=guess.username, address=guess.address
    )
    for count, (limit, seconds) in zip(counts, limits, strict=False):
        if count >= limit:
            raise TooManyAttempts(seconds)
    await session.commit()  # gives the connection to others: hashing takes its time
    password_hash = user.password_hash if user else None
    is_right = await security.verify_password(password_hash, guess.password)
    if user is None or not is_right or user.is_disabled:
        await queries.add_failure(
            session, username=guess.username, address=guess.address
        )
        await session.commit()
        raise InvalidCredentials
    return user


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
    guess = Guess((user.username or "").lower(), password, address)
    return await check_password(session, user, guess, limits=SIGNED_IN_LIMITS)


async def change_password(
    session: AsyncSession,
    *,
    principal: Principal,
    current: str,
    new: str,
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
    password_hash = await security.hash_password(new)
    await queries.set_password(session, user_id=user.id, password_hash=password_hash)
    await queries.delete_sessions(session, user_id=user.id)
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
    else:
        user.password_hash = password_hash
    await session.commit()
    return user.username or "", password
