"""The one place where the environment is read."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

LEAST_VOTE_WEIGHT = 0.01
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


def _postgres_url(url: str) -> str:
    """Accept what hosting providers hand out and name the driver we use."""
    scheme, _, rest = url.partition("://")
    if scheme not in {"postgres", "postgresql", "postgresql+psycopg"}:
        raise ValueError("must start with postgresql://")
    return f"postgresql+psycopg://{rest}"


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise ValueError("must be an address such as https://api.themoviedb.org/3")
    return url.rstrip("/")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an address such as https://films.example.org")
    if parts.path not in {"", "/"} or parts.query or parts.username:
        raise ValueError("must be scheme, host and port only, without a path")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _vote_weight(weight: float) -> float:
    if 0 < weight < LEAST_VOTE_WEIGHT:
        raise ValueError(f"must be 0 or from {LEAST_VOTE_WEIGHT} to 1")
    return weight


class Settings(BaseSettings):
    """Everything an operator can set, by environment variables of the same names."""

    model_config = SettingsConfigDict(frozen=True)

    database_url: Annotated[str, AfterValidator(_postgres_url)] | None = Field(
        None, description="any PostgreSQL 15 or newer; unset: the embedded one"
    )
    data_dir: Path = Field(
        Path(".cinefold"), description="models and the embedded database"
    )
    host: str = Field("127.0.0.1", description="address the web server listens on")
    port: int = Field(
        8000, ge=1, le=65535, description="port the web server listens on"
    )
    web_processes: int = Field(
        1, ge=1, le=64, description="number of web processes of `cinefold run`"
    )
    public_url: Annotated[str, AfterValidator(_origin)] | None = Field(
        None,
        description="the address people use, when a proxy stands in front; "
        "with https it also makes cookies Secure and turns HSTS on",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO",
        description="`DEBUG`, `INFO`, `WARNING` or `ERROR`; "
        "the processes of `cinefold run` default to `WARNING`",
    )
    database_connections: int = Field(
        10, ge=1, le=200, description="most connections one process opens"
    )
    database_timeout_seconds: float = Field(
        3.0,
        gt=0,
        le=60,
        description="a statement, or a wait for a connection, that takes longer "
        "is answered with 503",
    )
    allow_unsafe_durability: bool = Field(
        default=False,
        description="start although the database may lose commits in a crash",
    )
    retrain_every_hours: float | None = Field(
        None, ge=1, le=8760, description="train anew when the model is older than this"
    )
    retrain_after_ratings: int | None = Field(
        None, ge=1, description="train anew when so many ratings have changed"
    )
    tmdb_api_key: SecretStr | None = Field(
        None, min_length=20, description="key for `cinefold enrich`, of themoviedb.org"
    )
    tmdb_url: Annotated[str, AfterValidator(_address)] = Field(
        "https://api.themoviedb.org/3", description="another one for a proxy of it"
    )
    vote_weight: Annotated[float, AfterValidator(_vote_weight)] = Field(
        0.25,
        ge=0,
        le=1,
        description="how much a like or dislike counts beside a rating, 0.01 to 1; "
        "0: not at all",
    )

    @property
    def is_https(self) -> bool:
        """Whether people reach the service over TLS."""
        return (self.public_url or "").startswith("https://")

    @property
    def url(self) -> str:
        """The address to show to people."""
        return self.public_url or f"http://127.0.0.1:{self.port}"

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """Values of the `Host` header that are answered, without the port."""
        public = urlsplit(self.url).hostname or ""
        return frozenset({*LOOPBACK_HOSTS, public, self.host} - {"", "0.0.0.0"})  # noqa: S104 - excluded, not bound

    @property
    def models_dir(self) -> Path:
        """Where trained models are published."""
        return self.data_dir / "models"
