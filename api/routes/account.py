"""The caller's own account: sessions, export, deletion."""

from fastapi import APIRouter, Response, status

from api.routes.auth import ClientAddress
from api.schemas.account import AccountDeletion, Sessions
from api.schemas.base import SessionId
from api.schemas.ratings import AccountExport
from api.services import account
from api.web.dependencies import AccountHolder, SessionDep, SettingsDep
from api.web.security import cookie_name
from api.web.strict_route import StrictRoute

router = APIRouter(prefix="/me", tags=["account"], route_class=StrictRoute)


@router.get("/sessions")
async def get_sessions(principal: AccountHolder, session: SessionDep) -> Sessions:
    """List the browsers where the caller is signed in."""
    return Sessions(items=await account.list_sessions(session, principal=principal))


@router.delete(
    "/sessions", status_code=status.HTTP_204_NO_CONTENT, response_class=Response
)
async def delete_sessions(principal: AccountHolder, session: SessionDep) -> None:
    """Sign out of all other browsers."""
    await account.end_other_sessions(session, principal=principal)


@router.delete(
    "/sessions/{session_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
)
async def delete_session(
    session_id: SessionId, principal: AccountHolder, session: SessionDep
) -> None:
    """End one session."""
    await account.end_session(session, principal=principal, session_id=session_id)


@router.get("/export")
async def get_export(
    principal: AccountHolder, response: Response, session: SessionDep
) -> AccountExport:
    """Export everything that is stored about the caller."""
    name = 'attachment; filename="cinefold-account.json"'
    response.headers["Content-Disposition"] = name
    return await account.export(session, principal=principal)


@router.post(
    "/deletion", status_code=status.HTTP_204_NO_CONTENT, response_class=Response
)
async def post_deletion(
    body: AccountDeletion,
    principal: AccountHolder,
    response: Response,
    session: SessionDep,
    settings: SettingsDep,
    address: ClientAddress,
) -> None:
    """Delete the account and all its data; the password confirms the request.

    Proposed edits of the training code and remarks stay, without a name.
    """
    await account.delete(
        session, principal=principal, password=body.password, address=address
    )
    response.delete_cookie(cookie_name(settings), secure=settings.is_https)
