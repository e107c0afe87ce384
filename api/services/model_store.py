"""The live model of this process, swapped by assigning one reference."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from anyio import to_thread
from psycopg import AsyncConnection, Error
from sqlalchemy.exc import SQLAlchemyError

from api.queries import training as queries
from api.schemas.base import MAX_VARIANTS
from api.schemas.recommendations import ModelReference
from api.settings import libpq_url
from api.storage.database import AnyRow, SessionFactory
from api.tables import Model as ModelRow
from engine.errors import ArtifactError
from engine.model.files import load_model
from engine.model.heads import Model

logger = logging.getLogger(__name__)

CHANNEL = "model_activated"
POLL_SECONDS = 10.0


@dataclass(frozen=True)
class ServedModel:
    """A model in use; immutable, so a request that holds it sees one version.

    `services.recommendations` keeps replies in it, so that they go with the model.
    """

    id: int
    created_at: datetime
    model: Model
    replies: OrderedDict[Hashable, Any] = field(
        default_factory=OrderedDict, repr=False, compare=False
    )

    @property
    def reference(self) -> ModelReference:
        """The model as replies name it."""
        return ModelReference(id=self.id, created_at=self.created_at)

    def item_index_of(self, movie_id: int) -> int | None:
        """Row of a movie, or `None` if the model does not know it."""
        index = int(self.model.item_indices_of([movie_id])[0])
        return index if index >= 0 else None


class ModelStore:
    """Holds the active model and replaces it when another is published."""

    def __init__(self, models_dir: Path, session_factory: SessionFactory) -> None:
        self.models_dir = models_dir
        self.session_factory = session_factory
        self.current: ServedModel | None = None
        self._refused: int | None = None
        self._pinned: dict[int, ServedModel | None] = {}
        self._loading = asyncio.Lock()

    async def refresh(self) -> None:
        """Load the active model if it is not the current one.

        A folder that fails any check is refused once, and the old model stays live.
        """
        async with self.session_factory() as session:
            row = await queries.active_model(session)
        known = {self._refused, self.current.id if self.current else None}
        if row is None or row.id in known:
            return
        served = await self._load(row)
        self._refused = None if served else row.id
        self.current = served or self.current

    async def pinned(self, row: AnyRow | ModelRow) -> ServedModel | None:
        """Return a model that a variant pins, loaded at its first use.

        `None` if it is damaged, which is found out and logged once. The oldest ones
        make room: no more are in use than a running experiment has variants.
        """
        if self.current is not None and self.current.id == row.id:
            return self.current
        async with self._loading:
            if row.id not in self._pinned:
                self._pinned[row.id] = await self._load(row)
                while len(self._pinned) > MAX_VARIANTS:
                    del self._pinned[next(iter(self._pinned))]
            return self._pinned[row.id]

    async def _load(self, row: AnyRow | ModelRow) -> ServedModel | None:
        """Load and check the folder of a model."""
        try:
            model = await to_thread.run_sync(load_model, self.models_dir / row.folder)
        except ArtifactError:
            logger.exception("model %d refused: it is damaged", row.id)
            return None
        logger.info("model %d is loaded", row.id)
        return ServedModel(row.id, row.created_at, model)

    async def follow(self, url: str) -> None:
        """Refresh at every notification, and now and then in case one was lost."""
        while True:
            try:
                await self._listen(url)
            except (Error, SQLAlchemyError, OSError) as error:
                logger.warning("no notifications: %s", type(error).__name__)
            await asyncio.sleep(1)

    async def _listen(self, url: str) -> None:
        conninfo = libpq_url(url)
        connection = await AsyncConnection.connect(conninfo, autocommit=True)
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            while True:
                await self.refresh()
                async for _ in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
                    pass
