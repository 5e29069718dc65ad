"""thoraxd.toml as one frozen value, read once; every mistake is reported together.

Any key can be overridden by THORAXD_<SECTION>__<KEY>, e.g. THORAXD_SCP__PORT=104; destinations and modalities, being
lists, by THORAXD_DESTINATION and THORAXD_MODALITY as JSON.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from daemon.core.errors import SettingsError
from daemon.core.records import Wanted

_SOCKET_PATH_MAX = 100  # sun_path holds 108 bytes
CONFIG_VARIABLE = "THORAXD_CONFIG"  # how `thoraxd up` tells its worker where the file is


def _ae_title(text: str) -> str:
    # PS3.5 table 6.2-1, AE: 1-16 characters of the default repertoire, no backslash, no control characters.
    if not (1 <= len(text.strip()) <= 16) or "\\" in text or not text.isascii() or not text.isprintable():
        raise ValueError("an AE title has 1 to 16 printable ASCII characters and no backslash (PS3.5 6.2)")
    return text.strip()


AETitle = Annotated[str, AfterValidator(_ae_title)]
Port = Annotated[int, Field(ge=1, le=65535)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScpSettings(_Section):
    """Where modalities and PACS send studies (C-STORE, C-ECHO)."""

    ae_title: AETitle = "THORAXD"
    host: str = "127.0.0.1"
    port: Port = 11112
    require_called_ae: bool = False  # True: an association to any other AE title is rejected
    allowed_ae: tuple[AETitle, ...] = ()  # calling AE titles that may connect; empty: all
    max_associations: int = Field(default=64, ge=1)
    timeout_s: float = Field(default=60.0, gt=0)  # silence on an association before it is aborted


class WebSettings(_Section):
    """Where DICOMweb and the pages listen."""

    host: str = "127.0.0.1"
    port: Port = 8080


class DatabaseSettings(_Section):
    """Empty url: SQLite in home."""

    url: str = ""


class BrokerSettings(_Section):
    """Empty url: an embedded Redis."""

    url: str = ""

    @model_validator(mode="after")
    def _scheme(self) -> Self:
        if self.url and not self.url.startswith(("redis://", "rediss://", "redis+socket://")):
            raise ValueError("broker.url must begin with redis://, rediss:// or redis+socket://")
        return self


class ArchiveSettings(_Section):
    """Empty url: a folder in home. Otherwise any fsspec url."""

    url: str = ""
    reserve_mb: int = Field(default=1024, ge=0)  # free space below which C-STORE answers A700


class StudySettings(_Section):
    """When a study is complete."""

    quiet_s: float = Field(default=2.0, ge=0)  # silence after the association's release
    idle_s: float = Field(default=60.0, gt=0)  # silence on an association that is never released


class ModelSettings(_Section):
    """Empty weights: those shipped with the package."""

    weights: str = ""
    device: str = "auto"
    threads: int = Field(default=0, ge=0)  # torch threads of one worker; 0: one per core
    time_limit_s: float = Field(default=120.0, gt=0)  # one image
    picture_check: bool = True  # refuse pictures that are not a frontal human chest


class RetrySettings(_Section):
    """Back-off of deliveries."""

    first_s: float = Field(default=2.0, gt=0)
    factor: float = Field(default=2.0, ge=1)
    longest_s: float = Field(default=300.0, gt=0)
    give_up_s: float = Field(default=86400.0, gt=0)  # after so long a delivery is given up
    refused_attempts: int = Field(default=5, ge=1)  # so many answers that refuse an object are believed

    def wait_s(self, failures: int) -> float:
        """How long to wait after so many failures in a row."""
        return min(self.longest_s, self.first_s * self.factor ** min(failures - 1, 64))


OUTPUTS = ("sr", "gsps", "sc", "chest-cad-sr", "text-sr", "kos", "parametric-map")
Output = Literal["sr", "gsps", "sc", "chest-cad-sr", "text-sr", "kos", "parametric-map"]


class Destination(_Section):
    """One receiver of results: a Storage SCP (kind dimse) or a STOW-RS origin server (kind stow)."""

    name: str = Field(min_length=1, max_length=64)
    kind: Literal["dimse", "stow"] = "dimse"
    # dimse
    ae_title: AETitle | None = None
    host: str = ""
    port: Port | None = None
    calling_ae: AETitle | None = None  # None: scp.ae_title
    # stow
    url: str = ""  # the service's root, e.g. http://pacs:8042/dicom-web
    username: str = ""
    password: SecretStr = SecretStr("")
    token: SecretStr = SecretStr("")  # sent as Authorization: Bearer
    ca_file: Path | None = None  # certificates that sign the server's; None: those that certifi knows
    # what it gets
    outputs: tuple[Output, ...] = Field(default=("sr", "gsps"), min_length=1)
    profile: Literal["air", "stone", "ohif"] = "air"
    marking: bool = True
    timeout_s: float = Field(default=30.0, gt=0)
    # proof of arrival: storage commitment (dimse), a QIDO-RS search (stow)
    commitment: bool = False
    commitment_wait_s: float = Field(default=300.0, gt=0)  # without an answer for so long: asked again
    commitment_give_up_s: float = Field(default=86400.0, gt=0)  # after so long without proof the object is given up

    @field_validator("ca_file", mode="before")
    @classmethod
    def _none(cls, value: object) -> object:
        return value or None  # "" in a file

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.kind == "dimse" and not (self.ae_title and self.host and self.port):
            raise ValueError("a destination of kind dimse needs ae_title, host and port")
        if self.kind == "stow" and not self.url.startswith(("http://", "https://")):
            raise ValueError("a destination of kind stow needs a url that begins with http:// or https://")
        if "@" in urlsplit(self.url).netloc:
            raise ValueError("credentials do not belong into the url: set username and password, or token")
        if len(set(self.outputs)) != len(self.outputs):
            raise ValueError("an output is named twice")
        if not self.marking and set(self.outputs) == {"parametric-map"}:
            raise ValueError("a heat map shows places: marking = false leaves nothing of outputs = parametric-map")
        return self


class Modality(_Section):
    """Who may ask us for storage commitment, and where the answer goes when its association is gone (PS3.4 J.3)."""

    ae_title: AETitle
    host: str
    port: Port


class LogSettings(_Section):
    """Where events go: the terminal, or one JSON object a line."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "json"] = "auto"  # auto: text on a terminal, json elsewhere


class Settings(BaseSettings):
    """Everything that a site decides."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="THORAXD_", env_nested_delimiter="__", populate_by_name=True
    )

    home: Path = Path("./thoraxd-data")
    scp: ScpSettings = ScpSettings()
    web: WebSettings = WebSettings()
    database: DatabaseSettings = DatabaseSettings()
    broker: BrokerSettings = BrokerSettings()
    archive: ArchiveSettings = ArchiveSettings()
    study: StudySettings = StudySettings()
    # "model_" is pydantic's own namespace; the section's name in the file is `model`.
    model: ModelSettings = ModelSettings()
    retry: RetrySettings = RetrySettings()
    log: LogSettings = LogSettings()
    destination: tuple[Destination, ...] = ()
    modality: tuple[Modality, ...] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [destination.name for destination in self.destination]
        if len(names) != len(set(names)):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise ValueError(f"two destinations have the same name: {', '.join(twice)}")
        titles = [modality.ae_title for modality in self.modality]
        if len(titles) != len(set(titles)):
            raise ValueError("two modalities have the same AE title")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file: the file's keys come in as initial values."""
        return env_settings, init_settings

    @property
    def database_url(self) -> str:
        """The database's URL, the default filled in."""
        return self.database.url or f"sqlite:///{self.sqlite_file}"

    @property
    def sqlite_file(self) -> Path:
        """The default database."""
        return self.home / "thoraxd.sqlite"

    @property
    def broker_url(self) -> str:
        """The broker's URL, the embedded Redis' socket filled in."""
        return self.broker.url or f"redis+socket://{self.redis_socket}"

    @property
    def redis_socket(self) -> Path:
        """The embedded Redis' socket: in home, or, where that path is too long for a socket, in a folder of our own."""
        inside = self.home / "run" / "redis.sock"
        if len(str(inside)) < _SOCKET_PATH_MAX:
            return inside
        name = hashlib.sha256(str(self.home).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"thoraxd-{os.getuid()}-{name}" / "redis.sock"

    @property
    def archive_url(self) -> str:
        """The archive's URL, the default filled in."""
        return self.archive.url or str(self.home / "archive")

    @property
    def incoming(self) -> Path:
        """Where instances are streamed while they arrive: beside the archive, so that a rename keeps them."""
        return self.home / "incoming"


def wanted_of(settings: Settings) -> tuple[Wanted, ...]:
    """What each destination wants of every study."""
    return tuple(Wanted(d.name, d.outputs, d.profile, d.marking, d.commitment) for d in settings.destination)


def load(path: Path | None) -> Settings:
    """The settings in `path` (None: defaults and environment alone). Raises SettingsError with all mistakes."""
    values: Mapping[str, object] = {}
    if path is not None:
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise SettingsError([f"{path}: no such file"]) from None
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsError([f"{path}: {error}"]) from error
    mistakes = _unknown_variables()
    try:
        settings = Settings(**values)  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as error:
        mistakes += [_told(item, values) for item in error.errors()]
    except ValueError as error:  # an environment variable that is not JSON where a table is wanted
        mistakes.append(str(error))
    if mistakes:
        raise SettingsError(mistakes)
    home = settings.home if settings.home.is_absolute() else Path.cwd() / settings.home
    return settings.model_copy(update={"home": home})


def _told(mistake: ErrorDetails, values: Mapping[str, object]) -> str:
    """A mistake where the person finds it: a destination by its name, not by its number."""
    place = [str(part) for part in mistake["loc"]]
    tables = values.get(place[0]) if place else None
    if len(place) > 1 and isinstance(tables, list) and place[1].isdigit():
        table = tables[int(place[1])] if int(place[1]) < len(tables) else None
        name = (table.get("name") or table.get("ae_title")) if isinstance(table, dict) else None
        place[:2] = [f"{place[0]} {name}" if name else f"{place[0]} number {int(place[1]) + 1}"]
    said = mistake["msg"].removeprefix("Value error, ")
    return ": ".join([".".join(place), said] if place else [said])


def _unknown_variables() -> list[str]:
    """A misspelt THORAXD_SECTION__KEY would silently do nothing: name it instead."""
    known = {"THORAXD_DESTINATION", "THORAXD_MODALITY", "THORAXD_HOME", CONFIG_VARIABLE}
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            known |= {f"THORAXD_{name}__{key}".upper() for key in section.model_fields}
            known.add(f"THORAXD_{name}".upper())
    return [
        f"{variable}: no such setting"
        for variable in sorted(os.environ)
        if variable.startswith("THORAXD_") and not variable.startswith("THORAXD_TEST_") and variable not in known
    ]


def load_from_environment() -> Settings:
    """The settings that `thoraxd up` or an administrator names in THORAXD_CONFIG: the worker's way in."""
    path = os.environ.get(CONFIG_VARIABLE)
    return load(Path(path) if path else None)


def environment_for(path: Path | None, settings: Settings) -> dict[str, str]:
    """The environment of a child process that shall see exactly these settings."""
    child = dict(os.environ)
    if path is not None:
        child[CONFIG_VARIABLE] = str(path.resolve())
    child["THORAXD_HOME"] = str(settings.home)
    # torch's threads wait for each other without burning a core that the daemon, or a decoder, could use
    child.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return child
