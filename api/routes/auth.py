"""Accounts, sessions and API keys."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response, status

from api.schemas.account import (
    ApiKeyIn,
    ApiKeyOut,
    ApiKeys,
    Credentials,
    Me,
    NewAccount,
    NewApiKey,
    PasswordChange,
)
from api.schemas.base import KeyId
from api.services import auth
from api.services.auth import Browser
from api.settings import Settings
from api.web.dependencies import (
    AccountHolder,
    IdentifiedUser,
    Public,
    Registering,
    SessionDep,
    SessionUser,
    SettingsDep,
)
from api.web.limits import network_of
from api.web.security import cookie_name
from api.web.strict_route import StrictRoute

router = APIRouter(tags=["account"], route_class=StrictRoute)

MAX_USER_AGENT = 200


async def client_address(request: Request) -> str:
    """Return the address that limits count; an IPv6 /64 network is one address."""
    return network_of(request)


async def browser(request: Request, settings: SettingsDep) -> Browser:
    """Describe the browser that a new session is for."""
    agent = request.headers.get("user-agent", "")
    printable = "".join(filter(str.isprintable, agent))
    return Browser(
        user_agent=printable[:MAX_USER_AGENT] or None,
        old_token=request.cookies.get(cookie_name(settings)),
    )


ClientAddress = Annotated[str, Depends(client_address)]
BrowserDep = Annotated[Browser, Depends(browser)]


def set_cookie(response: Response, token: str, settings: Settings) -> None:
    """Set the session cookie; scripts cannot read it."""
    response.set_cookie(
        cookie_name(settings),
        token,
        max_age=int(auth.ABSOLUTE_TIMEOUT.total_seconds()),
        secure=settings.is_https,
        httponly=True,
        samesite="lax",
    )


@router.post(
    "/auth/register",
    status_code=status.HTTP_201_CREATED,
    dependencies=[Public, Registering],
)
async def register(
    body: NewAccount,
    response: Response,
    session: SessionDep,
    settings: SettingsDep,
    browser: BrowserDep,
) -> Me:
    """Create an account and sign in."""
    me, new_token = await auth.register(
        session, username=body.username, password=body.password, browser=browser
    )
    set_cookie(response, new_token, settings)
    return me


@router.post("/auth/session", dependencies=[Public])
async def sign_in(
    body: Credentials,
    response: Response,
    session: SessionDep,
    settings: SettingsDep,
    address: ClientAddress,
    browser: BrowserDep,
) -> Me:
    """Sign in with user name and password."""
    me, new_token = await auth.sign_in(
        session,
        username=body.username,
        password=body.password,
        address=address,
        browser=browser,
    )
    set_cookie(response, new_token, settings)
    return me


@router.delete(
    "/auth/session", status_code=status.HTTP_204_NO_CONTENT, response_class=Response
)
async def sign_out(
    principal: SessionUser,
    response: Response,
    session: SessionDep,
    settings: SettingsDep,
) -> None:
    """End the session of this browser."""
    await auth.sign_out(session, principal=principal)
    response.delete_cookie(cookie_name(settings), secure=settings.is_https)


@router.get("/me")
async def get_me(principal: IdentifiedUser, session: SessionDep) -> Me:
    """Show the signed-in user."""
    return await auth.describe(session, user_id=principal.user_id)


@router.put(
    "/me/password", status_code=status.HTTP_204_NO_CONTENT, response_class=Response
)
async def put_password(
    body: PasswordChange,
    principal: SessionUser,
    response: Response,
    session: SessionDep,
    settings: SettingsDep,
    address: ClientAddress,
    browser: BrowserDep,
) -> None:
    """Change the password; all other sessions end, and this one gets a new token."""
    token = await auth.change_password(
        session,
        principal=principal,
        current=body.current_password,
        new=body.new_password,
        revoke_keys=body.revoke_keys,
        address=address,
        browser=browser,
    )
    set_cookie(response, token, settings)


@router.get("/api-keys")
async def get_keys(principal: AccountHolder, session: SessionDep) -> ApiKeys:
    """List the caller's API keys."""
    keys = await auth.list_keys(session, principal=principal)
    return ApiKeys(items=[ApiKeyOut.model_validate(key) for key in keys])


@router.post("/api-keys", status_code=status.HTTP_201_CREATED)
async def post_key(
    body: ApiKeyIn, principal: AccountHolder, session: SessionDep
) -> NewApiKey:
    """Create an API key; only this reply holds its secret."""
    return await auth.create_key(session, principal=principal, body=body)


@router.delete(
    "/api-keys/{key_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
)
async def delete_key(
    key_id: KeyId, principal: AccountHolder, session: SessionDep
) -> None:
    """Revoke an API key."""
    await auth.revoke_key(session, principal=principal, key_id=key_id)
