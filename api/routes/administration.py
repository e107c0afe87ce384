"""People and storage, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Query, status
from pydantic import AfterValidator

from api.dependencies import AdminUser, SessionDep, SettingsDep
from api.schemas.account import NewUser, UserChange, UserIn, UserOut, UserPage
from api.schemas.base import Cursor, Limit, UserId, clean_text
from api.schemas.storage import Storage
from api.services import administration
from api.strict_route import StrictRoute

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
    """List the people with an account, newest first."""
    return await administration.list_users(
        session, search=search or "", limit=limit, cursor=cursor
    )


@router.post("/users", status_code=status.HTTP_201_CREATED)
async def post_user(body: UserIn, actor: AdminUser, session: SessionDep) -> NewUser:
    """Make an account; its one-time password is in this reply and nowhere else."""
    return await administration.add_user(session, actor_id=actor.user_id, body=body)


@router.patch("/users/{user_id}")
async def patch_user(
    user_id: UserId, body: UserChange, actor: AdminUser, session: SessionDep
) -> UserOut:
    """Promote or demote, lock or unlock; one administrator always remains."""
    return await administration.change_user(
        session, actor_id=actor.user_id, user_id=user_id, body=body
    )


@router.get("/storage")
async def get_storage(
    _: AdminUser, session: SessionDep, settings: SettingsDep
) -> Storage:
    """Measure database, models and disk."""
    return await administration.storage(session, settings)
