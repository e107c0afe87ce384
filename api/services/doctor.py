"""Check everything an operator can get wrong; report each with its remedy."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import auth as auth_queries
from api.queries import server as queries
from api.queries import training as training_queries
from api.settings import LOOPBACK_HOSTS, Settings
from api.storage.database import head_revision, knows_revision
from api.web.problems import UnsafeDatabase
from engine.errors import ArtifactError
from engine.model.files import load_model

OLDEST_POSTGRES = 15
MIN_FREE_BYTES = 2**30
PLACEHOLDERS = frozenset(
    {"admin", "changeme", "cinefold", "password", "postgres", "root", "secret", "test"}
)


@dataclass(frozen=True)
class Finding:
    """One check: its subject, its result and, on failure, the remedy."""

    name: str
    found: str
    remedy: str | None = None


async def examine(session: AsyncSession, settings: Settings) -> list[Finding]:
    """Check database, migrations, model, disk and secrets."""
    server = await queries.settings(session)
    return [
        _version(server),
        _durability(server),
        _migrations(await queries.revision(session)),
        await _model(session, settings),
        _disk(settings.data_dir),
        _folder(settings.models_dir),
        _database_password(settings),
        await _administrators(session),
        _proxies(settings),
        _transport(settings),
    ]


async def require_durability(session: AsyncSession, settings: Settings) -> None:
    """Refuse a server that may lose a commit after the reply."""
    if settings.allow_unsafe_durability:
        return
    finding = _durability(await queries.settings(session))
    if finding.remedy is not None:
        raise UnsafeDatabase(
            f"Stored ratings could be lost: {finding.found}. Remedy: {finding.remedy}, "
            "or accept the risk with ALLOW_UNSAFE_DURABILITY=true."
        )


def _version(server: dict[str, str]) -> Finding:
    major = int(server["server_version_num"]) // 10_000
    remedy = f"upgrade it to {OLDEST_POSTGRES} or newer"
    return Finding(
        "database", f"PostgreSQL {major}", remedy if major < OLDEST_POSTGRES else None
    )


def _durability(server: dict[str, str]) -> Finding:
    """Check that a commit survives a power cut."""
    off = [name for name in queries.DURABILITY if server[name] != "on"]
    if not off:
        return Finding("durability", f"{', '.join(queries.DURABILITY)} are on")
    found = ", ".join(f"{name} is {server[name]}" for name in off)
    return Finding("durability", found, "ALTER SYSTEM SET … = on, then restart it")


def _migrations(revision: str | None) -> Finding:
    head = head_revision()
    if revision == head:
        return Finding("migrations", f"at {head}, the newest")
    found = f"at {revision or 'none'}, the newest is {head}"
    is_newer = revision is not None and not knows_revision(revision)
    remedy = (
        "install the newer version of Cinefold"
        if is_newer
        else "run `cinefold migrate`"
    )
    return Finding("migrations", found, remedy)


async def _model(session: AsyncSession, settings: Settings) -> Finding:
    row = await training_queries.active_model(session)
    if row is None:
        return Finding(
            "model",
            "no model is live; lists show popular movies",
            "run `cinefold train`",
        )
    folder = settings.models_dir / row.folder
    try:
        model = await to_thread.run_sync(load_model, folder)
    except ArtifactError as error:
        return Finding("model", f"model {row.id}: {error}", "train or restore one")
    return Finding("model", f"model {row.id} knows {len(model.item_ids):,} movies")


def _disk(data_dir: Path) -> Finding:
    """Check that the disk has room for the next model."""
    free = shutil.disk_usage(nearest_folder(data_dir)).free
    remedy = "free at least 1 GiB, or move DATA_DIR"
    return Finding(
        "disk",
        f"{free / 2**30:.1f} GiB free",
        remedy if free < MIN_FREE_BYTES else None,
    )


def nearest_folder(data_dir: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    folder = data_dir.absolute()
    return next(p for p in (folder, *folder.parents) if p.exists())


def _folder(models_dir: Path) -> Finding:
    """Check that only our own account can change the models."""
    if not models_dir.exists():
        return Finding("folder", f"{models_dir} does not exist yet")
    mode = models_dir.stat().st_mode & 0o777
    remedy = f"chmod 700 {models_dir}"
    return Finding(
        "folder", f"{models_dir} has mode {mode:o}", remedy if mode & 0o077 else None
    )


def _database_password(settings: Settings) -> Finding:
    if settings.database_url is None:
        return Finding("password", "the embedded database asks the kernel who connects")
    password = urlsplit(settings.database_url).password
    if password is None:
        return Finding("password", "none in DATABASE_URL")
    is_weak = password.lower() in PLACEHOLDERS
    found = "a placeholder" if is_weak else "no placeholder"
    remedy = "set a random password and put it into DATABASE_URL"
    return Finding("password", found, remedy if is_weak else None)


async def _administrators(session: AsyncSession) -> Finding:
    n_pending = await auth_queries.count_one_time_administrators(session)
    remedy = "sign in with it and choose another password"
    found = f"{n_pending} administrators still have a one-time password"
    return Finding("administrator", found, remedy if n_pending else None)


def _proxies(settings: Settings) -> Finding:
    """Check that visitors behind a proxy do not share one address, and its limits."""
    if settings.public_url is None:
        return Finding("proxies", "PUBLIC_URL names none")
    found = f"{', '.join(settings.believed_proxies)} may name the visitor's address"
    remedy = "set TRUSTED_PROXIES to the proxy's network, 127.0.0.1 if it is local"
    return Finding("proxies", found, None if settings.trusted_proxies else remedy)


def _transport(settings: Settings) -> Finding:
    """Check that passwords and cookies cross a network encrypted."""
    if settings.is_https or settings.host in LOOPBACK_HOSTS:
        return Finding("transport", f"{settings.url}")
    remedy = "put a proxy with TLS in front and set PUBLIC_URL=https://…"
    return Finding("transport", f"{settings.url} is not encrypted", remedy)
