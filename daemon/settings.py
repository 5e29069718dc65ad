"""thoraxd.toml as one frozen value, read once; every mistake is reported together.

Any key can be overridden by THORAXD_<SECTION>__<KEY>, e.g. THORAXD_SCP__PORT=104; lists (destinations, modalities,
sources, users) by THORAXD_DESTINATION and so on, as JSON.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Self, get_args

from pydantic import BaseModel, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from daemon.core.addresses import is_loopback
from daemon.core.errors import SettingsError
from daemon.core.records import Wanted
from daemon.sections import (
    ArchiveSettings,
    BrokerSettings,
    DatabaseSettings,
    Destination,
    Hl7Settings,
    LogSettings,
    Modality,
    ModelSettings,
    PrioritySettings,
    RetrySettings,
    ScpSettings,
    Source,
    StudySettings,
    User,
    WebSettings,
    WorklistSettings,
)

_SOCKET_PATH_MAX = 100  # sun_path holds 108 bytes
CONFIG_VARIABLE = "THORAXD_CONFIG"  # how `thoraxd up` tells its worker where the file is


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
    hl7: Hl7Settings = Hl7Settings()
    priority: PrioritySettings = PrioritySettings()
    log: LogSettings = LogSettings()
    worklist: WorklistSettings = WorklistSettings()
    destination: tuple[Destination, ...] = ()
    modality: tuple[Modality, ...] = ()
    source: tuple[Source, ...] = ()
    user: tuple[User, ...] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [destination.name for destination in self.destination]
        if len(names) != len(set(names)):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise ValueError(f"two destinations have the same name: {', '.join(twice)}")
        titles = [modality.ae_title for modality in self.modality]
        if len(titles) != len(set(titles)):
            raise ValueError("two modalities have the same AE title")
        sources = [source.name for source in self.source]
        if len(sources) != len(set(sources)):
            raise ValueError("two sources have the same name")
        users = [user.name for user in self.user]
        if len(users) != len(set(users)):
            raise ValueError("two users have the same name")
        places: dict[tuple[str, int], str] = {}
        for name, host, port in self._listening():
            if (host, port) in places:
                raise ValueError(f"{places[host, port]} and {name} listen on the same port of {host}: {port}")
            places[host, port] = name
        if not users and not is_loopback(self.web.host):
            raise ValueError(
                f"web.host {self.web.host} is reached from other machines: name who may sign in ([[user]] with name and"
                " password), or leave web.host at 127.0.0.1"
            )
        return self

    def _listening(self) -> list[tuple[str, str, int]]:
        scp, web, hl7 = self.scp, self.web, self.hl7
        always = [("scp", scp.host, scp.port), ("web", web.host, web.port)]
        return [*always, ("hl7", hl7.host, hl7.port)] if hl7.port else always

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
    except ValueError as error:  # of pydantic-settings, whose words are: error parsing value for field "destination" …
        field = str(error).partition('field "')[2].partition('"')[0]
        mistakes.append(f"THORAXD_{field.upper()}: this is no JSON")
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
    said = _in_words(mistake)
    return ": ".join([".".join(place), said] if place else [said])


def _in_words(mistake: ErrorDetails) -> str:
    """What pydantic found, and what to write instead where its own words are those of a programmer."""
    place, one = mistake["loc"], len(mistake["loc"]) == 1
    match mistake["type"]:
        case "extra_forbidden":
            near = get_close_matches(str(place[-1]), _keys(place[:-1]), n=1)
            return "no such setting" + "".join(f" ({key}?)" for key in near)
        case "missing":
            return "is missing"
        case "tuple_type" if one:
            return f"there can be several: write [[{place[0]}]], in two brackets"
        case "tuple_type":
            return "a list is wanted, in square brackets"
        case "model_type" if one:
            return f"there is one: write [{place[0]}], in one bracket"
    return mistake["msg"].removeprefix("Value error, ")


def _keys(place: Sequence[int | str]) -> list[str]:
    """What can be set at this place of the file: the top, a section, one of several tables."""
    annotation: object = Settings
    for part in place:
        if isinstance(part, int):
            annotation = get_args(annotation)[0]
        elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
            annotation = annotation.model_fields[part].annotation
    return list(annotation.model_fields) if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []


def _unknown_variables() -> list[str]:
    """A misspelt THORAXD_SECTION__KEY would silently do nothing: name it instead."""
    known = {"THORAXD_HOME", CONFIG_VARIABLE}
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
