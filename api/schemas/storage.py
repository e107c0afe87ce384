"""Bodies of storage."""

from api.schemas.base import Out


class TableSize(Out):
    """A table with its indexes; `n_rows` is the database's estimate, if it has one."""

    name: str
    n_bytes: int
    n_rows: int | None


class ModelSize(Out):
    """The files of a model."""

    model_id: int
    is_active: bool
    n_bytes: int


class Storage(Out):
    """Sizes of database, tables and models, and the disk of the data folder.

    The models and the embedded database are on this disk; a database that
    `DATABASE_URL` names may be elsewhere.
    """

    database_bytes: int
    models_bytes: int
    disk_free_bytes: int
    disk_total_bytes: int
    is_database_embedded: bool
    tables: list[TableSize]
    models: list[ModelSize]
