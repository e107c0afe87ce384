"""What an operator does from the shell: people, their standing, and keys."""

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from api import security
from api.problems import LastAdministrator, NotFound, UsernameTaken
from api.queries import auth as queries
from api.schemas.account import ApiKeyIn, NewApiKey
from api.services import auth
from api.services.auth import ADMIN_SCOPES, USER_SCOPES, Principal
from api.tables import ApiKey, User

PASSWORD_LENGTH = 20


async def create_user(session: AsyncSession, *, username: str, is_admin: bool) -> str:
    """Make an account; return its one-time password."""
    password = security.new_token()[:PASSWORD_LENGTH]
    password_hash = await security.hash_password(password)
    try:
        await queries.add_user(
            session,
            username=username,
            password_hash=password_hash,
            is_admin=is_admin,
            must_change_password=True,
        )
    except IntegrityError as error:
        raise UsernameTaken(f"{username} is taken") from error
    await session.commit()
    return password


async def set_admin(session: AsyncSession, *, username: str, is_admin: bool) -> None:
    """Make somebody an administrator, or one no longer."""
    user = await _named(session, username)
    if not is_admin:
        await _keep_one_administrator(session, user)
    user.is_admin = is_admin
    await session.commit()


async def set_disabled(
    session: AsyncSession, *, username: str, is_disabled: bool
) -> None:
    """Lock an account, which ends its sessions and stops its keys, or unlock it."""
    user = await _named(session, username)
    if is_disabled:
        await _keep_one_administrator(session, user)
        await queries.delete_sessions(session, user_id=user.id)
    user.is_disabled = is_disabled
    await session.commit()


async def _named(session: AsyncSession, username: str) -> User:
    user = await queries.user_by_name(session, username)
    if user is None:
        raise NotFound(f"there is no user {username}")
    return user


async def _keep_one_administrator(session: AsyncSession, user: User) -> None:
    n_left = await queries.count_active_administrators(session)
    if user.is_admin and not user.is_disabled and n_left == 1:
        raise LastAdministrator


async def create_key(
    session: AsyncSession, *, username: str, body: ApiKeyIn
) -> NewApiKey:
    """Make a key owned by a user, within what that user may do."""
    user = await _named(session, username)
    scopes = ADMIN_SCOPES if user.is_admin else USER_SCOPES
    principal = Principal(user_id=user.id, scopes=scopes)
    return await auth.create_key(session, principal=principal, body=body)


async def list_keys(session: AsyncSession) -> list[tuple[ApiKey, str]]:
    """List all keys with the names of their owners."""
    return await queries.all_keys(session)


async def revoke_key(session: AsyncSession, *, key_id: int) -> None:
    """Revoke anybody's key."""
    if not await queries.delete_any_key(session, key_id):
        raise NotFound(f"there is no key {key_id}; `cinefold key list` lists them")
    await session.commit()
