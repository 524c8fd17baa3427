"""Everything about a cluster that can be set: addresses, rights, names, limits.

Enters: a TOML file, the environment, options of the command line; the later wins over the earlier. Leaves: Settings.
Invariant: a secret is never part of a text that this module makes; what is wrong is told by the name under which it was
set, and where.

Each field of Settings is a key of the file (`kafka = "10.0.0.5:9093"`) and a variable (`INTERCEPTOR_KAFKA`). The file
is named by `INTERCEPTOR_CONFIG`, or by --config.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator

from interceptor.rules.errors import nearest, printable
from interceptor.transport.topics import EVENTS, TOPICS

PREFIX = "INTERCEPTOR_"
FILE_VARIABLE = f"{PREFIX}CONFIG"


class SettingsError(Exception):
    """Settings that can't be used; the message names each, where it was set, and what would be right."""


class Settings(BaseModel):
    """What a process of the cluster needs to know. Times in seconds, sizes in bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    app: str = Field("interceptor", pattern=r"^[a-z][a-z0-9-]{0,40}$", description="begins every topic, group and key")
    kafka: str = Field("127.0.0.1:9092", min_length=3, description="host:port of brokers, comma between them")
    kafka_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_username: str = ""
    kafka_password: SecretStr = SecretStr("")
    kafka_ca: Path | None = Field(None, description="PEM file of the authority that signed the brokers' certificates")
    kafka_certificate: Path | None = Field(None, description="PEM file, where brokers ask for a client's certificate")
    kafka_key: Path | None = None
    redis: str = Field("redis://127.0.0.1:6379/0", description='redis:// or rediss:// address; "" = none')
    redis_username: str = ""
    redis_password: SecretStr = SecretStr("")
    redis_ca: Path | None = None
    redis_certificate: Path | None = None
    redis_key: Path | None = None
    partitions: int = Field(
        1,
        ge=1,
        le=1_024,
        description="1 = one shard holds the engine whole, others stand by; more: stages, spread over so many shards",
    )
    from_json: str = Field(
        "",
        max_length=249,
        description="topic of one partition, one JSON event a message, that the one shard reads instead of `events`",
    )
    replication: int = Field(1, ge=1, le=9, description="copies of each partition, when topics are made")
    rules: Path | None = Field(None, description="folder of rules for as long as none are published")
    snapshots: str = Field("redis", min_length=1, description='"redis", or a folder that all workers share')
    snapshot_every_s: float = Field(5.0, gt=0, le=3_600)
    session_timeout_s: float = Field(6.0, ge=1, le=300, description="silence after which a worker counts as dead")
    stuck_s: float = Field(40.0, ge=5, le=3_600, description="without progress although there is work: exit 75")
    frame_bytes_max: int = Field(8 << 20, ge=1 << 16, le=64 << 20, description="of a message, packed")
    in_flight_events_max: int = Field(600_000, ge=1_000, description="that the slowest shard may be behind")
    static_lists: bool = Field(False, description="verdicts put nothing on lists")
    metrics_host: str = "127.0.0.1"
    metrics_port: int = Field(0, ge=0, le=65_535, description="of the Prometheus page; 0 = none")

    @field_validator("from_json")
    @classmethod
    def _check_whole(cls, topic: str, others: ValidationInfo) -> str:
        if topic and others.data.get("partitions") != 1:
            raise ValueError("works where one shard holds the engine whole: set partitions to 1")
        if topic.removeprefix(f"{others.data.get('app')}.") in TOPICS:
            raise ValueError("one of the cluster's own topics, it holds no JSON events")
        return topic

    @property
    def whole(self) -> bool:
        """Whether one shard holds the engine in one piece."""
        return self.partitions == 1

    def topic(self, name: str) -> str:
        """The full name of one of TOPICS."""
        return f"{self.app}.{name}"

    def read_as(self, name: str) -> str:
        """The full name of the topic that workers read as one of TOPICS."""
        return self.from_json if self.from_json and name == EVENTS else self.topic(name)

    def confluent(self) -> dict[str, str]:
        """How confluent-kafka connects: bootstrap, protocol, rights."""
        found = {"bootstrap.servers": self.kafka, "security.protocol": self.kafka_protocol}
        if self.kafka_protocol.startswith("SASL"):
            found |= {
                "sasl.mechanism": self.kafka_mechanism,
                "sasl.username": self.kafka_username,
                "sasl.password": self.kafka_password.get_secret_value(),
            }
        files = {"ca": self.kafka_ca, "certificate": self.kafka_certificate, "key": self.kafka_key}
        return found | {f"ssl.{name}.location": str(path) for name, path in files.items() if path}


def load_settings(file: Path | None = None, **options: Any) -> Settings:
    """From the file, the environment and the options that aren't None. Raises SettingsError with all that is wrong."""
    return settings_from(os.environ, file, **options)


def settings_from(environment: Mapping[str, str], file: Path | None = None, **options: Any) -> Settings:
    """The same for a given environment."""
    named = environment.get(FILE_VARIABLE)
    path = file or (Path(named) if named else None)
    given: dict[str, Any] = {}
    origin: dict[str, str] = {}
    sources: list[tuple[Mapping[str, Any], str]] = [(_read(path), f"{path}: ")] if path else []
    sources.append((_variables(environment), ""))
    sources.append(({name: value for name, value in options.items() if value is not None}, "--"))
    for values, where in sources:
        for name, value in values.items():
            given[name] = value
            origin[name] = f"{PREFIX}{name.upper()}" if not where else f"{where}{_spelt(name, where)}"
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError("\n".join(_told(one, origin) for one in error.errors(include_input=False))) from None


def _spelt(name: str, where: str) -> str:
    return name.replace("_", "-") if where == "--" else name


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: can't be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not a TOML file: {error}") from None


def _variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Only those that are settings: others may begin alike."""
    found = {name: environment.get(f"{PREFIX}{name.upper()}") for name in Settings.model_fields}
    return {name: value for name, value in found.items() if value is not None}


def _told(error: Any, origin: Mapping[str, str]) -> str:
    name = str(error["loc"][0]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        hint = nearest(name, Settings.model_fields)
        return f"{printable(origin.get(name, name))}: there is no such setting" + (f"\n  hint: {hint}" if hint else "")
    return f"{origin.get(name, name)}: {error['msg'].removeprefix('Value error, ')}"
