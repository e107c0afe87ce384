"""Administration: accounts, roles, keys and storage."""

import shutil
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import auth as queries
from api.queries import models as model_queries
from api.queries import server as server_queries
from api.schemas.account import (
    ApiKeyIn,
    ApiKeyOut,
    NewApiKey,
    NewUser,
    OwnedKey,
    OwnedKeyPage,
    UserChange,
    UserIn,
    UserOut,
    UserPage,
)
from api.schemas.storage import ModelSize, Storage, TableSize
from api.services import auth, doctor
from api.services.auth import (
    ADMIN_SCOPES,
    ONE_TIME_LIFE,
    USER_SCOPES,
    Principal,
    security_log,
)
from api.settings import Settings
from api.storage.embedded_postgres import Postmaster
from api.tables import ApiKey, User
from api.web import cursors, security
from api.web.problems import LastAdministrator, NotFound, UsernameTaken

PASSWORD_LENGTH = 20


async def list_users(
    session: AsyncSession, *, search: str, limit: int, cursor: str | None
) -> UserPage:
    """Read one page of accounts, newest first."""
    read = partial(queries.accounts, session, search=search)
    rows, next_cursor = await cursors.page_by_id(read, limit=limit, cursor=cursor)
    items = [UserOut.model_validate(row) for row in rows]
    return UserPage(items=items, next_cursor=next_cursor)


async def add_user(session: AsyncSession, *, actor_id: int, body: UserIn) -> NewUser:
    """Create an account for an administrator."""
    password = await create_user(
        session, username=body.username, is_admin=body.is_admin
    )
    user = await _named(session, body.username)
    security_log.info(
        "user %d created user %d, is_admin=%s", actor_id, user.id, user.is_admin
    )
    account = await _account(session, user.id)
    return NewUser(**account.model_dump(), one_time_password=password)


async def change_user(
    session: AsyncSession, *, actor_id: int, user_id: int, body: UserChange
) -> UserOut:
    """Promote, demote, lock or unlock an account for an administrator."""
    await _account(session, user_id)
    user = await session.get_one(User, user_id)
    change = body.model_dump(exclude_none=True)
    await _change(session, user, change)
    await session.commit()
    security_log.info("user %d changed user %d: %s", actor_id, user_id, change)
    return await _account(session, user_id)


async def _account(session: AsyncSession, user_id: int) -> UserOut:
    row = await queries.account(session, user_id)
    if row is None:
        raise NotFound
    return UserOut.model_validate(row)


async def create_user(session: AsyncSession, *, username: str, is_admin: bool) -> str:
    """Create an account; return its one-time password."""
    password = security.new_token()[:PASSWORD_LENGTH]
    password_hash = await security.hash_password(password)
    try:
        await queries.add_user(
            session,
            username=username,
            password_hash=password_hash,
            is_admin=is_admin,
            must_change_password=True,
            password_expires_at=datetime.now(UTC) + ONE_TIME_LIFE,
        )
    except IntegrityError as error:
        raise UsernameTaken(
            f"{username} is taken, or looks like a name that is"
        ) from error
    await session.commit()
    return password


async def set_admin(session: AsyncSession, *, username: str, is_admin: bool) -> None:
    """Make a user an administrator, or an ordinary user again."""
    await _change(session, await _named(session, username), {"is_admin": is_admin})
    await session.commit()


async def set_disabled(
    session: AsyncSession, *, username: str, is_disabled: bool
) -> None:
    """Lock or unlock an account; locking ends its sessions and revokes its keys."""
    user = await _named(session, username)
    await _change(session, user, {"is_disabled": is_disabled})
    await session.commit()


async def _change(
    session: AsyncSession, user: User, change: Mapping[str, bool]
) -> None:
    if change.get("is_admin") is False or change.get("is_disabled"):
        await _keep_one_administrator(session, user)
    if change.get("is_disabled"):
        await queries.delete_sessions(session, user_id=user.id)
        await queries.delete_keys(session, user_id=user.id)
    elif change.get("is_admin") is False:
        beyond = USER_SCOPES
        await queries.delete_keys(session, user_id=user.id, beyond=beyond)
    security_log.info("user %d is changed: %s", user.id, dict(change))
    for name, value in change.items():
        setattr(user, name, value)


async def _named(session: AsyncSession, username: str) -> User:
    user = await queries.user_by_name(session, username)
    if user is None:
        raise NotFound(f"There is no user {username}")
    return user


async def _keep_one_administrator(session: AsyncSession, user: User) -> None:
    n_left = await queries.count_active_administrators(session)
    if user.is_admin and not user.is_disabled and n_left == 1:
        raise LastAdministrator


async def create_key(
    session: AsyncSession, *, username: str, body: ApiKeyIn
) -> NewApiKey:
    """Create a key for a user, with at most the scopes of this user."""
    user = await _named(session, username)
    scopes = ADMIN_SCOPES if user.is_admin else USER_SCOPES
    principal = Principal(user_id=user.id, scopes=scopes)
    return await auth.create_key(session, principal=principal, body=body)


async def list_keys(session: AsyncSession) -> list[tuple[ApiKey, str]]:
    """List all keys with the names of their owners, newest first."""
    return await queries.all_keys(session)


async def page_of_keys(
    session: AsyncSession, *, limit: int, cursor: str | None
) -> OwnedKeyPage:
    """Read one page of all keys, newest first."""
    before = cursors.decode(cursor, int)[0] if cursor is not None else None
    rows = await queries.all_keys(session, limit=limit + 1, before=before)
    has_more = len(rows) > limit
    next_cursor = cursors.encode(rows[limit - 1][0].id) if has_more else None
    items = [
        OwnedKey(owner=owner, **ApiKeyOut.model_validate(key).model_dump())
        for key, owner in rows[:limit]
    ]
    return OwnedKeyPage(items=items, next_cursor=next_cursor)


async def revoke_key(
    session: AsyncSession, *, key_id: int, actor_id: int | None = None
) -> None:
    """Revoke any key, for an administrator or from the shell."""
    if not await queries.delete_any_key(session, key_id):
        raise NotFound(f"There is no key {key_id}; `cinefold key list` shows all keys")
    await session.commit()
    if actor_id is not None:
        security_log.info("user %d revoked key %d", actor_id, key_id)


async def storage(session: AsyncSession, settings: Settings) -> Storage:
    """Measure database, models and disk."""
    models = sorted(
        _sizes(await model_queries.manifests(session)),
        key=lambda size: (-size.n_bytes, size.model_id),
    )
    disk = shutil.disk_usage(doctor.nearest_folder(settings.data_dir))
    embedded = Postmaster.find(settings.data_dir.resolve() / "postgres")
    host = await server_queries.host(session)
    return Storage(
        database_bytes=await server_queries.database_bytes(session),
        models_bytes=sum(size.n_bytes for size in models),
        disk_free_bytes=disk.free,
        disk_total_bytes=disk.total,
        is_database_embedded=embedded is not None and embedded.socket_folder == host,
        tables=[
            TableSize.model_validate(row)
            for row in await server_queries.tables(session)
        ],
        models=models,
    )


def _sizes(rows: Iterable[Any]) -> Iterable[ModelSize]:
    for row in rows:
        n_bytes = sum(file["bytes"] for file in row.manifest["files"].values())
        yield ModelSize(model_id=row.id, is_active=row.is_active, n_bytes=n_bytes)
