"""Accounts, keys, imports and storage, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, status
from pydantic import AfterValidator

from api.schemas.account import (
    NewUser,
    OwnedKeyPage,
    UserChange,
    UserIn,
    UserOut,
    UserPage,
)
from api.schemas.base import Cursor, KeyId, Limit, UserId, clean_text
from api.schemas.ratings import ImportPage
from api.schemas.storage import Storage
from api.services import administration, transfers
from api.web.dependencies import AdminUser, SessionDep, SettingsDep
from api.web.strict_route import StrictRoute

router = APIRouter(tags=["administration"], route_class=StrictRoute)

Search = Annotated[
    str | None,
    Query(min_length=1, max_length=40, description="a part of the user name"),
    AfterValidator(clean_text),
]


@router.get("/users")
async def get_users(
    _: AdminUser,
    session: SessionDep,
    search: Search = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> UserPage:
    """List the accounts, newest first."""
    return await administration.list_users(
        session, search=search or "", limit=limit, cursor=cursor
    )


@router.post("/users", status_code=status.HTTP_201_CREATED)
async def post_user(body: UserIn, actor: AdminUser, session: SessionDep) -> NewUser:
    """Create an account; only this reply holds its one-time password."""
    return await administration.add_user(session, actor_id=actor.user_id, body=body)


@router.patch("/users/{user_id}")
async def patch_user(
    user_id: UserId, body: UserChange, actor: AdminUser, session: SessionDep
) -> UserOut:
    """Promote, demote, lock or unlock an account; one administrator remains."""
    return await administration.change_user(
        session, actor_id=actor.user_id, user_id=user_id, body=body
    )


@router.get("/users/api-keys")
async def get_keys(
    _: AdminUser, session: SessionDep, limit: Limit = 20, cursor: Cursor = None
) -> OwnedKeyPage:
    """List all API keys without their secrets, newest first."""
    return await administration.page_of_keys(session, limit=limit, cursor=cursor)


@router.delete(
    "/users/api-keys/{key_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
)
async def delete_key(key_id: KeyId, actor: AdminUser, session: SessionDep) -> None:
    """Revoke any API key; it stops working at once."""
    await administration.revoke_key(session, actor_id=actor.user_id, key_id=key_id)


@router.get("/imports")
async def get_imports(
    _: AdminUser, session: SessionDep, limit: Limit = 20, cursor: Cursor = None
) -> ImportPage:
    """List the imported files of ratings of all users, the last one first."""
    return await transfers.list_imports(
        session, user_id=None, limit=limit, cursor=cursor
    )


@router.get("/storage")
async def get_storage(
    _: AdminUser, session: SessionDep, settings: SettingsDep
) -> Storage:
    """Measure database, models and disk."""
    return await administration.storage(session, settings)
