"""SQL of users, sessions, API keys and the sign-in limit."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Interval,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from api.formats.usernames import comparable, skeleton
from api.storage.database import AnyRow, AnySelect
from api.tables import ApiKey, Rating, Session, SignInFailure, User

# In one order, so that two attempts cannot wait for each other.
LOCK_ATTEMPTS = text(
    """
    SELECT pg_advisory_xact_lock(key) FROM (
        SELECT hashtextextended(each, 0) AS key
        FROM unnest(ARRAY['name ' || :name, 'address ' || :address]) each ORDER BY 1
    ) keys
    """
)


async def user_by_name(session: AsyncSession, username: str) -> User | None:
    """Find a user by name, ignoring case."""
    same = User.name_form == comparable(username)
    old = User.name_form.is_(None) & (User.username == username)
    query = select(User).where(same | old)
    return (await session.scalars(query)).one_or_none()


def _accounts() -> AnySelect:
    """Select the users with an account; imported users have none."""
    n_ratings = select(func.count()).where(Rating.user_id == User.id)
    last_seen_at = select(func.max(Session.last_seen_at))
    return select(
        *(User.id, User.username, User.is_admin, User.is_disabled),
        *(User.must_change_password, User.created_at),
        n_ratings.scalar_subquery().label("n_ratings"),
        last_seen_at.where(Session.user_id == User.id)
        .scalar_subquery()
        .label("last_seen_at"),
    ).where(User.username.is_not(None))


async def accounts(
    session: AsyncSession, *, search: str, limit: int, before: int | None
) -> Sequence[AnyRow]:
    """Read accounts whose names contain some text, newest first."""
    query = _accounts().where(User.username.icontains(search, autoescape=True))
    if before is not None:
        query = query.where(User.id < before)
    return (await session.execute(query.order_by(User.id.desc()).limit(limit))).all()


async def account(session: AsyncSession, user_id: int) -> AnyRow | None:
    """Read one account."""
    query = _accounts().where(User.id == user_id)
    return (await session.execute(query)).one_or_none()


async def add_user(
    session: AsyncSession,
    *,
    username: str,
    password_hash: str,
    **values: bool | datetime,
) -> User:
    """Insert a user; a taken name raises `IntegrityError`."""
    user = User(
        username=username,
        name_form=comparable(username),
        name_skeleton=skeleton(username),
        password_hash=password_hash,
        **values,
    )
    session.add(user)
    await session.flush()
    await session.refresh(user)
    return user


async def count_ratings(session: AsyncSession, user_id: int) -> int:
    """Count a user's ratings."""
    query = select(func.count()).where(Rating.user_id == user_id)
    return (await session.execute(query)).scalar_one()


async def set_password(
    session: AsyncSession, *, user_id: int, password_hash: str
) -> None:
    """Replace a password, including a one-time password."""
    await session.execute(
        update(User)
        .where(User.id == user_id)
        .values(
            password_hash=password_hash,
            must_change_password=False,
            password_expires_at=None,
        )
    )


async def add_session(
    session: AsyncSession,
    *,
    user_id: int,
    token_hash: bytes,
    user_agent: str | None = None,
) -> None:
    """Insert a session."""
    values = {"user_id": user_id, "token_hash": token_hash, "user_agent": user_agent}
    await session.execute(insert(Session).values(values))


async def sessions_of(
    session: AsyncSession, *, user_id: int, idle: timedelta, absolute: timedelta
) -> list[Session]:
    """List a user's live sessions, the last used first."""
    query = (
        select(Session)
        .where(
            Session.user_id == user_id,
            Session.last_seen_at > func.now() - idle,
            Session.created_at > func.now() - absolute,
        )
        .order_by(Session.last_seen_at.desc(), Session.id.desc())
    )
    return list(await session.scalars(query))


async def delete_session_by_id(
    session: AsyncSession, *, user_id: int, session_id: int
) -> bool:
    """End one of a user's sessions; false if there is none."""
    query = delete(Session).where(Session.id == session_id, Session.user_id == user_id)
    return (await session.execute(query.returning(Session.id))).first() is not None


async def delete_other_sessions(
    session: AsyncSession, *, user_id: int, kept: bytes
) -> None:
    """End all of a user's sessions except the one with this token hash."""
    await session.execute(
        delete(Session).where(Session.user_id == user_id, Session.token_hash != kept)
    )


async def count_active_administrators(session: AsyncSession) -> int:
    """Count the administrators, and lock them until the commit."""
    query = select(User.id).where(User.is_admin, ~User.is_disabled)
    rows = await session.scalars(query.order_by(User.id).with_for_update())
    return len(rows.all())


async def delete_user(session: AsyncSession, user: User) -> None:
    """Delete a user with all their rows, including failed sign-ins."""
    name = comparable(user.username or "")
    await session.execute(delete(SignInFailure).where(SignInFailure.username == name))
    await session.execute(delete(User).where(User.id == user.id))


async def delete_session(session: AsyncSession, token_hash: bytes) -> None:
    """End one session."""
    await session.execute(delete(Session).where(Session.token_hash == token_hash))


async def delete_sessions(session: AsyncSession, *, user_id: int) -> None:
    """End all of a user's sessions."""
    await session.execute(delete(Session).where(Session.user_id == user_id))


async def delete_expired_sessions(
    session: AsyncSession, *, user_id: int, idle: timedelta, absolute: timedelta
) -> None:
    """Delete a user's expired sessions."""
    is_idle = Session.last_seen_at <= func.now() - idle
    is_old = Session.created_at <= func.now() - absolute
    await session.execute(
        delete(Session).where(Session.user_id == user_id, is_idle | is_old)
    )


_IDENTITY = User.id, User.is_admin, User.must_change_password
_SESSION_USER = (
    select(
        *_IDENTITY,
        (
            Session.last_seen_at < func.now() - bindparam("touched", type_=Interval)
        ).label("is_old"),
    )
    .join(Session, Session.user_id == User.id)
    .where(
        Session.token_hash == bindparam("token_hash"),
        Session.last_seen_at > func.now() - bindparam("idle", type_=Interval),
        Session.created_at > func.now() - bindparam("absolute", type_=Interval),
        ~User.is_disabled,
    )
)
_KEY_USER = (
    select(*_IDENTITY, ApiKey.scopes)
    .join(ApiKey, ApiKey.user_id == User.id)
    .where(
        ApiKey.key_hash == bindparam("key_hash"),
        ApiKey.expires_at.is_(None) | (ApiKey.expires_at > func.now()),
        ~User.is_disabled,
    )
)


async def session_user(
    session: AsyncSession, *, token_hash: bytes, idle: timedelta, absolute: timedelta
) -> AnyRow | None:
    """Read (id, is_admin, must_change_password, is_old) of a live session.

    `is_old` says that its time of last use should be updated.
    """
    values = {"token_hash": token_hash, "idle": idle, "absolute": absolute}
    values["touched"] = idle / 24
    return (await session.execute(_SESSION_USER, values)).one_or_none()


async def touch_session(session: AsyncSession, token_hash: bytes) -> None:
    """Update the time of a session's last use."""
    await session.execute(
        update(Session)
        .where(Session.token_hash == token_hash)
        .values(last_seen_at=func.now())
    )


async def key_user(session: AsyncSession, key_hash: bytes) -> AnyRow | None:
    """Read the owner and the scopes of an API key that has not expired."""
    return (await session.execute(_KEY_USER, {"key_hash": key_hash})).one_or_none()


async def count_keys(session: AsyncSession, user_id: int) -> int:
    """Count a user's keys, and lock them out of new ones until the commit."""
    await session.execute(
        select(User.id).where(User.id == user_id).with_for_update(key_share=True)
    )
    query = select(func.count()).where(ApiKey.user_id == user_id)
    return (await session.execute(query)).scalar_one()


async def add_key(
    session: AsyncSession,
    *,
    days: int | None,
    **values: Any,  # noqa: ANN401 - columns
) -> ApiKey:
    """Insert an API key that expires after some days, or never."""
    expires_at = None if days is None else func.now() + timedelta(days=days)
    key = ApiKey(expires_at=expires_at, **values)
    session.add(key)
    await session.flush()
    await session.refresh(key)
    return key


async def keys_of(session: AsyncSession, user_id: int) -> list[ApiKey]:
    """List a user's keys."""
    query = select(ApiKey).where(ApiKey.user_id == user_id).order_by(ApiKey.id)
    return list(await session.scalars(query))


async def delete_key(session: AsyncSession, *, user_id: int, key_id: int) -> bool:
    """Revoke a user's key; false if there is none."""
    query = delete(ApiKey).where(ApiKey.id == key_id, ApiKey.user_id == user_id)
    return (await session.execute(query.returning(ApiKey.id))).first() is not None


async def lock_attempts(session: AsyncSession, *, username: str, address: str) -> None:
    """Let attempts for a name, and those from an address, be counted one by one.

    The locks last until the commit, which comes before the slow hash.
    """
    await session.execute(LOCK_ATTEMPTS, {"name": username, "address": address})


async def recent_failures(
    session: AsyncSession, *, username: str, address: str
) -> tuple[int, int, int]:
    """Count wrong passwords, and attempts whose password is being checked.

    The counts are for this name from this address in 15 minutes, from this address in 5
    minutes, and for this name from anywhere in an hour.
    """
    failed_at = SignInFailure.failed_at
    of_name = SignInFailure.username == username
    from_address = SignInFailure.address == address
    within = {m: failed_at > func.now() - timedelta(minutes=m) for m in (5, 15, 60)}
    query = select(
        func.count().filter(of_name, from_address, within[15]),
        func.count().filter(from_address, within[5]),
        func.count().filter(of_name),
    ).where(within[60], of_name | from_address)
    row = (await session.execute(query)).one()
    return row[0], row[1], row[2]


async def add_attempt(session: AsyncSession, *, username: str, address: str) -> int:
    """Record an attempt as a wrong password; delete records older than an hour."""
    old = SignInFailure.failed_at < func.now() - timedelta(hours=1)
    await session.execute(delete(SignInFailure).where(old))
    values = {"username": username, "address": address}
    statement = insert(SignInFailure).values(values).returning(SignInFailure.id)
    return (await session.execute(statement)).scalar_one()


async def forget_attempt(session: AsyncSession, attempt_id: int) -> None:
    """Delete the record of an attempt whose password was right."""
    query = delete(SignInFailure).where(SignInFailure.id == attempt_id)
    await session.execute(query)


async def administrator(session: AsyncSession) -> User | None:
    """Return the first administrator."""
    query = select(User).where(User.is_admin).order_by(User.id).limit(1)
    return (await session.scalars(query)).one_or_none()


async def all_keys(
    session: AsyncSession, *, limit: int | None = None, before: int | None = None
) -> list[tuple[ApiKey, str]]:
    """List all keys with their owners' names, newest first."""
    query = select(ApiKey, func.coalesce(User.username, "")).join(
        User, User.id == ApiKey.user_id
    )
    if before is not None:
        query = query.where(ApiKey.id < before)
    rows = await session.execute(query.order_by(ApiKey.id.desc()).limit(limit))
    return [(row[0], row[1]) for row in rows]


async def delete_any_key(session: AsyncSession, key_id: int) -> bool:
    """Revoke any user's key; false if there is none."""
    query = delete(ApiKey).where(ApiKey.id == key_id).returning(ApiKey.id)
    return (await session.execute(query)).first() is not None


async def count_one_time_administrators(session: AsyncSession) -> int:
    """Count the administrators who still have a one-time password."""
    query = select(func.count()).where(User.is_admin, User.must_change_password)
    return (await session.execute(query)).scalar_one()


async def delete_keys(
    session: AsyncSession, *, user_id: int, beyond: Collection[str] = ()
) -> int:
    """Revoke a user's keys; with `beyond`, only those with a scope outside of it."""
    query = delete(ApiKey).where(ApiKey.user_id == user_id)
    if beyond:
        query = query.where(~ApiKey.scopes.contained_by(sorted(beyond)))
    return len((await session.scalars(query.returning(ApiKey.id))).all())


async def is_administrator(
    session: AsyncSession, *, user_id: int, session_hash: bytes, key_hash: bytes
) -> bool:
    """Whether a user is an administrator whose session or key is still there."""
    by_session = select(Session.id).where(Session.token_hash == session_hash)
    by_key = select(ApiKey.id).where(ApiKey.key_hash == key_hash)
    query = select(User.id).where(
        User.id == user_id,
        User.is_admin,
        ~User.is_disabled,
        by_session.exists() | by_key.exists(),
    )
    return (await session.execute(query)).first() is not None
