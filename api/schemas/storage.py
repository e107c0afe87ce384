"""Bodies about what the service keeps, and where."""

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
    """What the service takes up; tables and models by size, and the disk they are on.

    The disk is the one of the data folder: the models are there, and so is the
    embedded database, but one that `DATABASE_URL` names may be anywhere.
    """

    database_bytes: int
    models_bytes: int
    disk_free_bytes: int
    disk_total_bytes: int
    is_database_embedded: bool
    tables: list[TableSize]
    models: list[ModelSize]
