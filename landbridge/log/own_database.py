"""Which database a party's log lies in: `log.sqlite` in its folder, or what `log.toml` names.

For replicas, `log.toml` says `database = "postgresql://log:${LOG_PASSWORD}@db.example/log"`.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from landbridge.configuration import load, position
from landbridge.errors import Reason, refuse
from landbridge.log.connection import Database
from landbridge.log.database import LogDatabase

FILE_NAME: Final = "log.sqlite"
SETTINGS_NAME: Final = "log.toml"
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class LogFile(BaseModel):
    """The file `log.toml`."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    database: Annotated[str, Field(pattern=r"^postgres(ql)?://")]
    """PostgreSQL URL; `${NAME}` takes an environment variable. One database, or one schema named by
    `?options=-csearch_path%3D<schema>`, a log."""


def own_database(folder: Path, environment: Mapping[str, str] = os.environ) -> Database:
    """Return the database of the log of the party whose folder this is.

    Raises:
        LandbridgeError: LB-1101 when `log.toml` is wrong, names an environment variable that is not
            set, or PostgreSQL where its driver is not installed.
    """
    path = folder / SETTINGS_NAME
    if not path.exists():
        return LogDatabase(folder / FILE_NAME)
    url = load(path, LogFile).database
    for name in _VARIABLE.findall(url):
        if name not in environment:
            raise refuse(
                Reason.INVALID_CONFIGURATION,
                f"the environment variable {name} is not set",
                where=position(path, "database"),
                next_step=f"set {name} for this process",
            )
    try:
        from landbridge.log.postgres import PostgresDatabase  # noqa: PLC0415  an extra
    except ImportError as error:
        raise refuse(
            Reason.INVALID_CONFIGURATION,
            "the driver of PostgreSQL is not installed",
            where=str(path),
            next_step="pip install 'landbridge[postgres]'",
        ) from error
    return PostgresDatabase(_VARIABLE.sub(lambda found: environment[found[1]], url), str(path))
