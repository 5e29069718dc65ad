"""The sections of thoraxd.toml, each a frozen value: what a site decides, and which values are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from daemon.core.passwords import well_formed


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
    names: tuple[str, ...] = ()  # by which browsers reach us, e.g. through a proxy, besides this machine's own
    ohif_url: str = ""  # a viewer to which the study page links; {study_uid} stands for the study
    renderers: int = Field(default=1, ge=1, le=16)  # processes that decode pixels for rendered images and transcoding


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
    """An application entity that we open associations to when it asked us for something.

    Storage commitment results (PS3.4 J.3), C-MOVE destinations (C.4.2), UPS event reports (CC.2.4).
    """

    ae_title: AETitle
    host: str
    port: Port


class User(_Section):
    """Who may use the pages and DICOMweb where that is not left to everyone on this machine."""

    name: str = Field(min_length=1, max_length=64)
    password: SecretStr  # as it is, or what `thoraxd password` prints

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if ":" in self.name:
            raise ValueError("a user's name has no colon (RFC 7617 2)")
        if not well_formed(self.password.get_secret_value()):
            raise ValueError("the password is empty, or no hash that `thoraxd password` prints")
        return self


class LogSettings(_Section):
    """Where events go: the terminal, or one JSON object a line."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "json"] = "auto"  # auto: text on a terminal, json elsewhere
