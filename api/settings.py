"""Settings, read from the environment here and nowhere else."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

LEAST_VOTE_WEIGHT = 0.01
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


class OperatorError(Exception):
    """A fault that the operator can mend: a port, a file, a folder, a command."""


def _postgres_url(url: str) -> str:
    """Accept the URLs that hosting providers hand out; name our driver."""
    if url.partition("://")[0] not in {"postgres", "postgresql", "postgresql+psycopg"}:
        raise ValueError("must start with postgresql://")
    return driver_url(url)


def libpq_url(url: str) -> str:
    """Write the URL of a database as psycopg and PostgreSQL's own tools read it."""
    return url.replace("+psycopg", "", 1)


def driver_url(url: str) -> str:
    """Write the URL of a database as SQLAlchemy reads it: with the driver's name."""
    return f"postgresql+psycopg://{url.partition('://')[2]}"


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise ValueError("must be an address such as https://api.themoviedb.org/3")
    return url.rstrip("/")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an address such as https://movies.example.org")
    if parts.path not in {"", "/"} or parts.query or parts.username:
        raise ValueError("must be scheme, host and port only, without a path")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _networks(value: object) -> object:
    """Read networks between commas, as an environment variable has them."""
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.split(",") if part.strip()]
    try:
        return tuple(ip_network(part) for part in parts)
    except ValueError as error:
        raise ValueError(f"must be networks such as 172.16.0.0/12: {error}") from None


def _vote_weight(weight: float) -> float:
    if 0 < weight < LEAST_VOTE_WEIGHT:
        raise ValueError(f"must be 0 or from {LEAST_VOTE_WEIGHT} to 1")
    return weight


class Settings(BaseSettings):
    """Everything an operator can set; environment variables have the same names."""

    model_config = SettingsConfigDict(frozen=True)

    database_url: Annotated[str, AfterValidator(_postgres_url)] | None = Field(
        None, description="PostgreSQL 15 or newer; unset: the embedded server"
    )
    data_dir: Path = Field(
        Path(".cinefold"), description="folder of the models and the embedded database"
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
        description="the address people use, if a proxy stands in front; "
        "https also makes cookies Secure and turns HSTS on",
    )
    trusted_proxies: Annotated[
        tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)
    ] = Field(
        (),
        description="networks of the proxies whose `X-Forwarded-For` is believed, "
        "such as `172.16.0.0/12`, with commas between; unset: this machine",
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
        description="start even if the database may lose commits in a crash",
    )
    retrain_every_hours: float | None = Field(
        None, ge=1, le=8760, description="retrain when the model is older than this"
    )
    retrain_after_ratings: int | None = Field(
        None, ge=1, description="retrain when this many ratings have changed"
    )
    tmdb_api_key: SecretStr | None = Field(
        None, min_length=20, description="themoviedb.org key for `cinefold enrich`"
    )
    tmdb_url: Annotated[str, AfterValidator(_address)] = Field(
        "https://api.themoviedb.org/3",
        description="address of the TMDB API, or of a proxy for it",
    )
    vote_weight: Annotated[float, AfterValidator(_vote_weight)] = Field(
        0.25,
        ge=0,
        le=1,
        description="weight of a like or dislike relative to a rating, 0.01 to 1; "
        "0: votes are ignored",
    )

    @property
    def is_https(self) -> bool:
        """Whether people reach the service over TLS."""
        return (self.public_url or "").startswith("https://")

    @property
    def url(self) -> str:
        """The address that people open."""
        return self.public_url or f"http://127.0.0.1:{self.port}"

    @property
    def believed_proxies(self) -> list[str]:
        """Addresses and networks whose word counts on where a request comes from."""
        return [str(each) for each in self.trusted_proxies] or ["127.0.0.1", "::1"]

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """Accepted values of the `Host` header, without the port."""
        public = urlsplit(self.url).hostname or ""
        return frozenset({*LOOPBACK_HOSTS, public, self.host} - {"", "0.0.0.0"})  # noqa: S104 - excluded, not bound

    @property
    def models_dir(self) -> Path:
        """The folder of published models."""
        return self.data_dir / "models"
