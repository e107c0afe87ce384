"""Commands for administrators: accounts, keys, models, backups, descriptions."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from pydantic import TypeAdapter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from api.clients import tmdb
from api.schemas.account import ApiKeyIn
from api.schemas.base import MAX_PAGE, NewUsername
from api.services import administration, auth, doctor, enrichment, models
from api.services.doctor import Finding
from api.services.enrichment import Enriched
from api.settings import Settings
from api.storage import backup, database
from api.storage.database import in_session
from api.storage.embedded_postgres import reach_database

user_app = typer.Typer(help="Manage accounts.", no_args_is_help=True)
key_app = typer.Typer(help="Manage API keys for programs.", no_args_is_help=True)
console = Console(stderr=True)

Name = Annotated[str, typer.Argument(help="the user's name")]
T = TypeVar("T")


def _call(service: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """Call a service in a session of its own."""
    settings = Settings()
    with reach_database(settings) as url:
        return in_session(settings, url, service)


@user_app.command("create")
def create_user(
    name: Name,
    admin: Annotated[bool, typer.Option("--admin", help="an administrator")] = False,
) -> None:
    """Create an account and print its one-time password."""
    username = TypeAdapter(NewUsername).validate_python(name)
    password = _call(
        lambda s: administration.create_user(s, username=username, is_admin=admin)
    )
    print(password)  # noqa: T201 - the output of the command


@user_app.command("promote")
def promote_user(name: Name) -> None:
    """Make a user an administrator."""
    _call(lambda s: administration.set_admin(s, username=name, is_admin=True))


@user_app.command("demote")
def demote_user(name: Name) -> None:
    """Make an administrator an ordinary user."""
    _call(lambda s: administration.set_admin(s, username=name, is_admin=False))


@user_app.command("disable")
def disable_user(name: Name) -> None:
    """Lock an account: end its sessions, stop its keys, keep its ratings."""
    _call(lambda s: administration.set_disabled(s, username=name, is_disabled=True))


@user_app.command("enable")
def enable_user(name: Name) -> None:
    """Unlock an account."""
    _call(lambda s: administration.set_disabled(s, username=name, is_disabled=False))


@key_app.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="what the key is for")],
    scope: Annotated[list[str], typer.Option(help="read, rate, serve or admin")],
    user: Annotated[str | None, typer.Option(help="its owner")] = None,
    days: Annotated[int | None, typer.Option(help="days until the key expires")] = None,
) -> None:
    """Create an API key; the first administrator owns it unless you name a user."""
    body = ApiKeyIn.model_validate(
        {"name": name, "scopes": scope, "expires_in_days": days}
    )
    created = _call(
        lambda s: (
            auth.create_administrator_key(s, body=body)
            if user is None
            else administration.create_key(s, username=user, body=body)
        )
    )
    print(created.key)  # noqa: T201 - the output of the command


@key_app.command("revoke")
def revoke_key(
    key_id: Annotated[int, typer.Argument(min=1, help="its id in `key list`")],
) -> None:
    """Revoke an API key; it stops working at once."""
    _call(lambda s: administration.revoke_key(s, key_id=key_id))


@key_app.command("list")
def list_keys() -> None:
    """List all API keys, without their secrets."""
    keys = _call(administration.list_keys)
    table = Table("id", "owner", "name", "starts with", "scopes", "until")
    for key, owner in keys:
        until = key.expires_at.date().isoformat() if key.expires_at else "it is revoked"
        scopes = " ".join(key.scopes)
        table.add_row(str(key.id), owner, key.name, key.prefix, scopes, until)
    Console().print(table)


def list_models() -> None:
    """List the newest models, the live one marked, with their measured quality."""
    page = _call(lambda s: models.list_models(s, limit=MAX_PAGE, cursor=None))
    table = Table("id", "live", "made", "kind", "ratings", "RMSE", "NDCG@10")
    for model in page.items:
        figures = (f"{e.value:.4f}" if e else "-" for e in (model.rmse, model.ndcg))
        made = f"{model.created_at:%Y-%m-%d %H:%M}"
        live = "yes" if model.is_active else ""
        n_ratings = f"{model.n_ratings:,}"
        table.add_row(str(model.id), live, made, model.kind, n_ratings, *figures)
    Console().print(table)


def back_up(
    target: Annotated[Path, typer.Argument(help="the file to write")],
) -> None:
    """Write the database and its models into one file."""
    settings = Settings()
    with reach_database(settings) as url:
        backup.back_up(url, settings.models_dir, target)
    console.print(f"{target}: {target.stat().st_size:,} bytes")


def restore(
    source: Annotated[Path, typer.Argument(help="a file written by `backup`")],
) -> None:
    """Restore a backup into an empty database, and migrate its schema."""
    settings = Settings()
    with reach_database(settings) as url:
        backup.restore(url, settings.models_dir, source)
        database.migrate(url)
    console.print(f"{source} is restored")


def enrich() -> None:
    """Fetch synopses and posters from The Movie Database; needs TMDB_API_KEY.

    Run it again after an interruption: it continues where it stopped.
    """
    settings = Settings()
    if settings.tmdb_api_key is None:
        raise tmdb.RefusedError(tmdb.KEY_ADVICE)
    peer = tmdb.Tmdb(settings.tmdb_url, settings.tmdb_api_key)
    columns = TextColumn("Describing movies"), BarColumn(), MofNCompleteColumn()
    with reach_database(settings) as url, Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=None)

        async def fetch(session: AsyncSession) -> Enriched:
            async with aclosing(peer):
                return await enrichment.enrich(
                    session,
                    peer,
                    on_progress=lambda n, total: bar.update(
                        task, completed=n, total=total
                    ),
                )

        done = in_session(settings, url, fetch)
    console.print(
        f"{done.n_described:,} movies described, {done.n_unknown:,} unknown to TMDB, "
        f"{done.n_failed:,} without a reply"
    )
    if done.n_failed:
        raise typer.Exit(1)


def examine() -> None:
    """Check database, migrations, model, disk and secrets."""
    settings = Settings()
    try:
        with reach_database(settings) as url:
            findings = in_session(settings, url, lambda s: doctor.examine(s, settings))
    except OperationalError:
        remedy = "start it, or correct DATABASE_URL"
        findings = [Finding("database", "cannot be reached", remedy)]
    for finding in findings:
        mark = "ok" if finding.remedy is None else "FAIL"
        advice = f" → {finding.remedy}" if finding.remedy else ""
        print(f"{mark:<5}{finding.name:<14}{finding.found}{advice}")  # noqa: T201 - likewise
    if any(finding.remedy for finding in findings):
        raise typer.Exit(1)
