"""Dependencies of routes: a session, an identity, access, the live model.

Every route declares who may call it by one of the dependencies in `DECLARATIONS`;
`require_access_declarations` stops start-up at a route that does not.

All of them are coroutines, even those that wait for nothing: FastAPI runs a plain
function in a thread, which takes longer than any of these.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from sqlalchemy.ext.asyncio import AsyncSession

from api.schemas.base import UserId
from api.services import auth, predictions
from api.services.auth import Principal
from api.services.model_store import ModelStore, ServedModel
from api.services.profiles import UserProfile
from api.services.signing import Signer
from api.settings import Settings
from api.web.limits import (
    COSTLY,
    PROGRAMS,
    REGISTRATION,
    Limit,
    Limiter,
    network_of,
)
from api.web.problems import (
    NotFound,
    NotSignedIn,
    PasswordChangeRequired,
    SessionRequired,
    TooManyRequests,
)
from api.web.security import SAFE_METHODS, bearer_key, cookie_name
from api.web.strict_route import StrictRoute


@dataclass(frozen=True)
class Services:
    """Everything that `lifespan` builds once for a process."""

    settings: Settings
    session_factory: Callable[[], AsyncSession]
    model_store: ModelStore
    limiter: Limiter = field(default_factory=Limiter)
    signer: Signer = field(default_factory=Signer)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)


async def services(request: Request) -> Services:
    """Return the services of this process."""
    built: Services = request.app.state.services
    return built


ServicesDep = Annotated[Services, Depends(services)]


async def session(built: ServicesDep) -> AsyncIterator[AsyncSession]:
    """Open a database session; services commit, this only closes."""
    async with built.session_factory() as opened:
        yield opened


SessionDep = Annotated[AsyncSession, Depends(session)]


async def autocommit(opened: SessionDep) -> None:
    """Make each statement of a route a transaction of its own.

    This saves two round trips. At PostgreSQL's default isolation level each statement
    sees what is committed when it begins, with or without a transaction around it.
    """
    await opened.connection(execution_options={"isolation_level": "AUTOCOMMIT"})


Autocommit = Depends(autocommit)
"""Belongs into `dependencies` of a route, which run before its parameters."""


async def settings(built: ServicesDep) -> Settings:
    """Return the settings."""
    return built.settings


SettingsDep = Annotated[Settings, Depends(settings)]


async def vote_weight(chosen: SettingsDep) -> float:
    """Return the weight of a like or dislike relative to a rating."""
    return chosen.vote_weight


VoteWeight = Annotated[float, Depends(vote_weight)]


async def model(built: ServicesDep) -> ServedModel | None:
    """Take the active model once; a reply comes from this one and no other."""
    return built.model_store.current


ModelDep = Annotated[ServedModel | None, Depends(model)]


async def models_dir(built: ServicesDep) -> Path:
    """Return the folder of published models."""
    return built.model_store.models_dir


ModelsDir = Annotated[Path, Depends(models_dir)]


LIMITED: set[Callable[[Request, Response], Awaitable[None]]] = set()
"""The dependencies that count requests; routes with one can answer 429."""


def limited(limit: Limit) -> Callable[[Request, Response], Awaitable[None]]:
    """Make a dependency of routes that counts their requests against a limit."""

    async def count_request(request: Request, response: Response) -> None:
        """Refuse an address that has used up the limit, but no program with a key.

        Asked before the body is read, and once more by the framework, for the reply.
        """
        left = getattr(request.state, "left", None)
        if left is None:
            left = request.state.left = await _taken(limit, request)
        response.headers["RateLimit-Policy"] = limit.policy
        response.headers["RateLimit"] = f'"{limit.name}";r={int(left)}'

    LIMITED.add(count_request)
    return count_request


async def _taken(limit: Limit, request: Request) -> float:
    """Count a request; return what is left, or refuse it."""
    limiter: Limiter = request.app.state.services.limiter
    left = limiter.take(limit, f"address {network_of(request)}")
    if left < 0:
        program = await _program(request)
        if program is not None:
            left = limiter.take(PROGRAMS, program)
    if left < 0:
        seconds = math.ceil(-left)
        raise TooManyRequests(seconds, policy=limit.policy, name=limit.name)
    return left


async def _program(request: Request) -> str | None:
    """Name the program that embeds us, if the request has such a program's key."""
    key = bearer_key(request)
    if key is None:
        return None
    async with request.app.state.services.session_factory() as opened:
        principal = await auth.identify_key(opened, key=key)
    if principal is None or "serve" not in principal.scopes:
        return None
    return f"key of user {principal.user_id}"


Costly = Depends(limited(COSTLY))
"""Belongs into `dependencies` of a route whose replies take much computing."""
Registering = Depends(limited(REGISTRATION))


async def public() -> None:
    """Declare that anybody may call the route."""


Public = Depends(public)


async def identified(
    request: Request, opened: SessionDep, built: ServicesDep
) -> Principal:
    """Identify the caller by API key or session cookie."""
    key = bearer_key(request)
    if key is not None:
        principal = await auth.identify_key(opened, key=key)
    else:
        token = request.cookies.get(cookie_name(built.settings))
        principal = await auth.identify_session(opened, token=token)
    if principal is None:
        raise NotSignedIn
    shown = {"key": key[: auth.SHOWN_OF_KEY]} if key is not None else {}
    request.state.caller = {"user_id": principal.user_id, **shown}  # for the log
    return principal


IdentifiedUser = Annotated[Principal, Depends(identified)]
"""The signed-in user, even if a one-time password is still to be changed."""


async def session_user(principal: IdentifiedUser) -> Principal:
    """Admit people, even with a one-time password, but no programs."""
    if not principal.session_hash:
        raise SessionRequired
    return principal


SessionUser = Annotated[Principal, Depends(session_user)]


async def current_user(principal: IdentifiedUser) -> Principal:
    """Admit everyone who is signed in, by session or by API key."""
    if principal.must_change_password:
        raise PasswordChangeRequired
    return principal


CurrentUser = Annotated[Principal, Depends(current_user)]


async def account_holder(_: SessionUser, principal: CurrentUser) -> Principal:
    """Admit people who may manage the credentials of their account."""
    return principal


AccountHolder = Annotated[Principal, Depends(account_holder)]


async def admin_user(principal: CurrentUser) -> Principal:
    """Admit administrators; others get 404."""
    if "admin" not in principal.scopes:
        raise NotFound
    return principal


AdminUser = Annotated[Principal, Depends(admin_user)]


async def metrics_reader(principal: CurrentUser) -> Principal:
    """Admit an administrator's key with scope `read`; a scraper needs no more."""
    if not principal.is_admin or not principal.scopes & {"read", "admin"}:
        raise NotFound
    return principal


MetricsReader = Annotated[Principal, Depends(metrics_reader)]


async def rater(principal: CurrentUser) -> Principal:
    """Admit callers who may rate: scope `rate` for themselves, `serve` for anyone."""
    if not principal.scopes & {"rate", "serve"}:
        raise NotFound
    return principal


Rater = Annotated[Principal, Depends(rater)]


async def writer(principal: CurrentUser) -> Principal:
    """Admit callers who may write in their own name: people, and keys beyond `read`."""
    if not principal.scopes - {"read"}:
        raise NotFound
    return principal


Writer = Annotated[Principal, Depends(writer)]


async def serving_user(principal: CurrentUser) -> Principal:
    """Admit callers who may act for any user; others get 404."""
    if "serve" not in principal.scopes:
        raise NotFound
    return principal


ServingUser = Annotated[Principal, Depends(serving_user)]


async def subject(request: Request, user_id: UserId, principal: CurrentUser) -> int:
    """Return the user in the path, if the caller may act as this user."""
    needed = "read" if request.method in SAFE_METHODS else "rate"
    if user_id == principal.user_id and needed in principal.scopes:
        return user_id
    if "serve" in principal.scopes:
        return user_id
    raise NotFound


Subject = Annotated[int, Depends(subject)]
"""The user `{user_id}` in the path: oneself, or anybody for scope `serve`."""


async def profile(
    user_id: Subject, opened: SessionDep, built: ServicesDep, weight: VoteWeight
) -> UserProfile | None:
    """Fold the user in the path into the model that makes their lists."""
    return await predictions.user_profile(
        opened, built.model_store, user_id=user_id, vote_weight=weight
    )


Profile = Annotated[UserProfile | None, Depends(profile)]

DECLARATIONS = frozenset({public, identified, current_user, admin_user, subject})


def require_access_declarations(app: FastAPI) -> None:
    """Refuse to start with a route that does not say who may call it.

    Routes learn which of their dependencies that is, to ask these before they read a
    body.
    """
    for route in app.routes:
        if not isinstance(route, APIRoute) or not DECLARATIONS & calls(route.dependant):
            raise RuntimeError(f"{route} declares no access; see {__name__}")
        if isinstance(route, StrictRoute):
            route.admission = Dependant(
                dependencies=[
                    each
                    for each in route.dependant.dependencies
                    if identified in calls(each)
                ]
            )
            route.limits = [c for c in LIMITED if c in calls(route.dependant)]


def calls(dependant: Dependant) -> set[Callable[..., Any] | None]:
    """List every dependency of a route, at any depth."""
    return {dependant.call}.union(*map(calls, dependant.dependencies))
