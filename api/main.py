"""The web application: lifespan, boundary, routes and the static app."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from mimetypes import guess_type
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

from api.routes import (
    account,
    administration,
    auth,
    bulk,
    diagnostics,
    elicitation,
    experiments,
    feedback,
    health,
    insights,
    metrics,
    models,
    movies,
    predictions,
    proposals,
    ratings,
    recommendations,
    training,
    transfers,
)
from api.services.doctor import require_durability
from api.services.model_store import ModelStore
from api.services.training import fail_lost_runs
from api.settings import Settings
from api.storage.database import (
    SessionFactory,
    create_engine,
    create_session_factory,
)
from api.telemetry.observability import watch_connections
from api.telemetry.tracing import tracing
from api.web import problems
from api.web.boundary import RequestBoundary
from api.web.dependencies import Services, require_access_declarations
from api.web.openapi import add_document
from api.web.strict_route import prefer_literal_paths

logger = logging.getLogger(__name__)

FRONTEND = Path(__file__).parent.parent / "frontend" / "dist"
# The first route that matches wins: transfers before ratings, or `export` would be
# read as a movie's id.
ROUTERS = (
    auth,
    account,
    movies,
    transfers,
    ratings,
    bulk,
    recommendations,
    predictions,
    elicitation,
    feedback,
    experiments,
    training,
    models,
    proposals,
    insights,
    diagnostics,
    administration,
    health,
    metrics,
)
REAP_SECONDS = 5.0


def create_app(settings: Settings, database_url: str) -> FastAPI:
    """Build the application; it connects when it starts, not before."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        engine = create_engine(settings, database_url)
        watch_connections(engine)
        tracing.start(os.environ)
        sessions = create_session_factory(engine)
        store = ModelStore(settings.models_dir, sessions)
        app.state.services = Services(settings, sessions, store)
        with suppress(SQLAlchemyError):  # the database may come later
            await store.refresh()
        tasks = [
            asyncio.create_task(store.follow(database_url)),
            asyncio.create_task(reap_lost_runs(sessions)),
            asyncio.create_task(refuse_unsafe_database(sessions, settings)),
        ]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await engine.dispose()
        await asyncio.to_thread(tracing.stop)  # sends the remaining spans

    app = FastAPI(
        title="Cinefold",
        summary="A self-hosted recommender service for explicit ratings",
        version="0.1.0",
        lifespan=lifespan,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.add_middleware(RequestBoundary, settings=settings)
    problems.install(app)
    for module in ROUTERS:
        # Not include_router: flat routes are what the access check walks over.
        app.router.routes.extend(module.router.routes)
    add_document(app)
    prefer_literal_paths(app.router.routes)
    require_access_declarations(app)
    if FRONTEND.is_dir():
        # For paths that match no route; a mount would swallow a route's 405.
        app.router.default = Frontend(directory=FRONTEND, html=True)
    return app


async def refuse_unsafe_database(sessions: SessionFactory, settings: Settings) -> None:
    """End this process if the database may lose commits, also one that comes later."""
    while True:
        try:
            async with sessions() as session:
                await require_durability(session, settings)
        except SQLAlchemyError:
            await asyncio.sleep(1)
        except problems.UnsafeDatabase as error:
            logger.critical("%s", error)
            signal.raise_signal(signal.SIGTERM)
            return
        else:
            return


async def reap_lost_runs(sessions: SessionFactory) -> None:
    """Fail the runs of dead workers, even when no other worker comes."""
    while True:
        await asyncio.sleep(REAP_SECONDS)
        try:
            async with sessions() as session:
                lost = await fail_lost_runs(session)
        except SQLAlchemyError as error:
            logger.warning("cannot look for lost runs: %s", type(error).__name__)
        else:
            for run_id in lost:
                logger.warning("training run %d lost its worker", run_id)


class Frontend(StaticFiles):
    """The built app. File names carry hashes, so browsers revalidate only the page."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Send a file, and let browsers cache it for as long as its name allows."""
        if scope["method"] not in {"GET", "HEAD"} or ".." in scope["path"]:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        page = "index.html" if path == "." else path
        response, encoding = await self._best(page, scope)
        if encoding is not None:
            response.headers["Content-Encoding"] = encoding
            response.headers["Content-Type"] = guess_type(page)[0] or "text/plain"
        response.headers["Vary"] = "Accept-Encoding"
        is_hashed = path.startswith("assets/")
        lifetime = "public, max-age=31536000, immutable" if is_hashed else "no-cache"
        response.headers["Cache-Control"] = lifetime
        return response

    async def _best(self, path: str, scope: Scope) -> tuple[Response, str | None]:
        """Send what the build has compressed, if the browser takes it."""
        accepted = Headers(scope=scope).get("accept-encoding", "")
        offered = {part.strip() for part in accepted.lower().split(",")}
        for encoding, suffix in (("br", ".br"), ("gzip", ".gz")):
            if encoding in offered and self.lookup_path(path + suffix)[1] is not None:
                return await super().get_response(path + suffix, scope), encoding
        return await super().get_response(path, scope), None
