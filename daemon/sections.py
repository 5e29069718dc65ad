"""The sections of thoraxd.toml, each a frozen value: what a site decides, and which values are refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from daemon.core.hl7 import CHARSETS
from daemon.core.passwords import well_formed
from daemon.core.priority import WEIGHTS, Policy


def _ae_title(text: str) -> str:
    # PS3.5 table 6.2-1, AE: 1-16 characters of the default repertoire, no backslash, no control characters.
    if not (1 <= len(text.strip()) <= 16) or "\\" in text or not text.isascii() or not text.isprintable():
        raise ValueError("an AE title has 1 to 16 printable ASCII characters and no backslash (PS3.5 6.2)")
    return text.strip()


def _hd(text: str) -> str:
    # HL7 2.5.1 2.A.33: a name, or name^universal ID^its type
    if len(text) > 227 or set(text) & set("|~\\&") or not text.isprintable():
        raise ValueError("an HL7 application or facility has at most 227 characters, and none of | ~ \\ &")
    return text


AETitle = Annotated[str, AfterValidator(_ae_title)]
Port = Annotated[int, Field(ge=1, le=65535)]
HD = Annotated[str, AfterValidator(_hd)]


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
    timeout_s: float = Field(default=60.0, gt=0)  # silence within a request's body before it is given up
    store_requests: int = Field(default=16, ge=1, le=1000)  # STOW-RS requests at the same time
    store_instance_mb: int = Field(default=1024, ge=1)  # the largest part of one
    store_request_mb: int = Field(default=16384, ge=1)

    @field_validator("names")
    @classmethod
    def _hosts(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if any(set(name) & set("/: ") and name.count(":") < 2 for name in names):  # two colons: IPv6
            raise ValueError("names of hosts are wanted, without scheme, port or path")
        return names

    @field_validator("ohif_url")
    @classmethod
    def _link(cls, url: str) -> str:
        if url and not (url.startswith(("http://", "https://", "/")) and "{study_uid}" in url):
            raise ValueError("a link is wanted that begins with http://, https:// or / and has {study_uid} in it")
        return url


class DatabaseSettings(_Section):
    """Empty url: SQLite in home."""

    url: str = ""

    @model_validator(mode="after")
    def _scheme(self) -> Self:
        if self.url and not self.url.startswith(("postgresql+psycopg://", "postgresql://", "sqlite:///")):
            raise ValueError("database.url must begin with postgresql+psycopg:// or sqlite:///")
        return self


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
Output = Literal["sr", "gsps", "sc", "chest-cad-sr", "text-sr", "kos", "parametric-map", "oru"]  # oru: by mllp alone


class Destination(_Section):
    """One receiver of results: a Storage SCP (dimse), a STOW-RS origin server (stow), an HL7 v2 receiver (mllp)."""

    name: str = Field(min_length=1, max_length=64)
    kind: Literal["dimse", "stow", "mllp"] = "dimse"
    # dimse and mllp
    host: str = ""
    port: Port | None = None
    # dimse
    ae_title: AETitle | None = None
    calling_ae: AETitle | None = None  # None: scp.ae_title
    # stow
    url: str = ""  # the service's root, e.g. http://pacs:8042/dicom-web
    username: str = ""
    password: SecretStr = SecretStr("")
    token: SecretStr = SecretStr("")  # sent as Authorization: Bearer
    # stow and mllp
    ca_file: Path | None = None  # certificates that sign the server's; None: those that certifi, or this host, knows
    # mllp: MSH-3 to 6 and 18
    sending_application: HD = ""  # "": scp.ae_title
    sending_facility: HD = ""
    receiving_application: HD = ""
    receiving_facility: HD = ""
    charset: str = "UNICODE UTF-8"
    tls: bool = False
    certificate: Path | None = None  # ours, and its key, where the receiver asks for one
    private_key: Path | None = None
    # what it gets
    outputs: tuple[Output, ...] = Field(default=("sr", "gsps"), min_length=1)
    profile: Literal["air", "stone", "ohif"] = "air"
    marking: bool = True
    timeout_s: float = Field(default=30.0, gt=0)
    # proof of arrival: storage commitment (dimse), a QIDO-RS search (stow)
    commitment: bool = False
    commitment_wait_s: float = Field(default=300.0, gt=0)  # without an answer for so long: asked again
    commitment_give_up_s: float = Field(default=86400.0, gt=0)  # after so long without proof the object is given up

    @model_validator(mode="before")
    @classmethod
    def _messages(cls, values: object) -> object:
        mllp = isinstance(values, dict) and values.get("kind") == "mllp"
        return {"outputs": ("oru",), **values} if mllp else values  # type: ignore[dict-item]

    @field_validator("ca_file", "certificate", "private_key", mode="before")
    @classmethod
    def _none(cls, value: object) -> object:
        return value or None  # "" in a file

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.kind == "dimse" and not (self.ae_title and self.host and self.port):
            raise ValueError("a destination of kind dimse needs ae_title, host and port")
        if self.kind == "stow" and not self.url.startswith(("http://", "https://")):
            raise ValueError("a destination of kind stow needs a url that begins with http:// or https://")
        if self.kind == "mllp" and not (self.host and self.port):
            raise ValueError("a destination of kind mllp needs host and port")
        if (self.kind == "mllp") != ("oru" in self.outputs) or ("oru" in self.outputs and len(set(self.outputs)) > 1):
            raise ValueError('outputs = ["oru"] is for a destination of kind mllp, and that takes nothing else')
        if self.kind == "mllp" and self.commitment:
            raise ValueError("HL7 v2 has no storage commitment: its acknowledgement is the proof")
        if self.charset not in CHARSETS:
            raise ValueError(f"charset is one of {', '.join(CHARSETS)} (HL7 table 0211)")
        if (self.certificate is None) != (self.private_key is None):
            raise ValueError("certificate and private_key go together")
        if "@" in urlsplit(self.url).netloc:
            raise ValueError("credentials do not belong into the url: set username and password, or token")
        if len(set(self.outputs)) != len(self.outputs):
            raise ValueError("an output is named twice")
        if not self.marking and set(self.outputs) == {"parametric-map"}:
            raise ValueError("a heat map shows places: marking = false leaves nothing of outputs = parametric-map")
        return self


class Hl7Settings(_Section):
    """Where orders arrive by HL7 v2 over MLLP."""

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)  # 0: nobody listens
    allowed_senders: tuple[str, ...] = ()  # sending applications (MSH-3); empty: all
    timeout_s: float = Field(default=30.0, gt=0)  # from a message's first byte to its last
    max_message_kb: int = Field(default=256, ge=1, le=65536)
    max_connections: int = Field(default=32, ge=1, le=1024)  # one more ends the one that was silent longest


class WorklistSettings(_Section):
    """The worklist of unified procedure steps."""

    keep_days: float = Field(default=30.0, gt=0)  # work items after they are finished, unless a deletion lock holds
    unread_days: float = Field(default=14.0, gt=0)  # after they were due: readings that nobody claimed are canceled


class Modality(_Section):
    """An application entity that we open associations to when it asked us for something.

    Storage commitment results (PS3.4 J.3), C-MOVE destinations (C.4.2), UPS event reports (CC.2.4).
    """

    ae_title: AETitle
    host: str
    port: Port


class Source(_Section):
    """A PACS that studies are pulled from: a Query/Retrieve SCP (kind dimse) or QIDO-RS and WADO-RS (kind dicomweb)."""

    name: str = Field(min_length=1, max_length=64)
    kind: Literal["dimse", "dicomweb"] = "dimse"
    # dimse
    ae_title: AETitle | None = None
    host: str = ""
    port: Port | None = None
    calling_ae: AETitle | None = None  # None: scp.ae_title
    retrieve: Literal["get", "move"] = "get"  # move: the PACS must know scp.ae_title and where it is
    # dicomweb
    url: str = ""  # the service's root, e.g. http://pacs:8042/dicom-web
    username: str = ""
    password: SecretStr = SecretStr("")
    token: SecretStr = SecretStr("")  # sent as Authorization: Bearer
    ca_file: Path | None = None
    timeout_s: float = Field(default=60.0, gt=0)
    # which studies a schedule, a day or a search for priors means; a study asked for by itself comes as it is
    modalities: tuple[str, ...] = Field(default=("CR", "DX"), min_length=1)
    body_parts: tuple[str, ...] = ()  # Body Part Examined, also without one; empty: all
    descriptions: tuple[str, ...] = ()  # of Study Description, with * and ?, without case; empty: all
    every_s: float = Field(default=0.0, ge=0)  # between two looks for new studies; 0: none
    look_back_h: float = Field(default=24.0, gt=0)  # how old those may be
    priors: int = Field(default=0, ge=0, le=100)  # of the same patient, fetched with each study
    analyse_priors: bool = False  # False: priors are kept and set aside

    @field_validator("ca_file", mode="before")
    @classmethod
    def _none(cls, value: object) -> object:
        return value or None  # "" in a file

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.kind == "dimse" and not (self.ae_title and self.host and self.port):
            raise ValueError("a source of kind dimse needs ae_title, host and port")
        if self.kind == "dicomweb" and not self.url.startswith(("http://", "https://")):
            raise ValueError("a source of kind dicomweb needs a url that begins with http:// or https://")
        if "@" in urlsplit(self.url).netloc:
            raise ValueError("credentials do not belong into the url: set username and password, or token")
        return self

    @property
    def sender(self) -> str:
        """What the instances that it sends us have for a calling AE title."""
        return self.ae_title or self.name[:16]

    @property
    def endpoint(self) -> Destination:
        """Where it is, as what else opens associations and connections wants to know it."""
        same = ("name", "ae_title", "host", "port", "calling_ae", "url", "username", "password", "token", "ca_file")
        kind = "dimse" if self.kind == "dimse" else "stow"
        return Destination(kind=kind, timeout_s=self.timeout_s, **{name: getattr(self, name) for name in same})


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


class PrioritySettings(_Section):
    """In what order films are to be read (docs/adr/0017-priority.md). Minutes of patience with an unsuspicious film."""

    high_min: float = Field(default=60.0, gt=0)  # whose order is HIGH (ASAP); a STAT order goes before all
    medium_min: float = Field(default=960.0, gt=0)  # whose order is MEDIUM, or unknown
    low_min: float = Field(default=1440.0, gt=0)  # whose order is LOW: the longest there is
    half: float = Field(default=0.1, gt=0)  # the expected harm that halves patience
    abnormal_weight: float = Field(default=0.02, ge=0)  # of the triage probability
    weights: Mapping[str, Annotated[float, Field(ge=0)]] = Field(default_factory=lambda: dict(WEIGHTS))

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if not self.high_min <= self.medium_min <= self.low_min:
            raise ValueError("high_min, medium_min and low_min must not descend: nobody waits longer for being urgent")
        return self

    def policy(self) -> Policy:
        """The same in seconds."""
        caps = {"HIGH": self.high_min, "MEDIUM": self.medium_min, "LOW": self.low_min}
        caps_s = {urgency: 60.0 * minutes for urgency, minutes in caps.items()}
        return Policy(caps_s, self.half, self.abnormal_weight, self.weights)


class LogSettings(_Section):
    """Where events go: the terminal, or one JSON object a line."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "json"] = "auto"  # auto: text on a terminal, json elsewhere
