"""The settings: one TOML file, overridden by ``HOTSHOT_SECTION__KEY``, checked as a whole, frozen.

Nothing is read at import; ``load`` is called once, by the command line. Every mistake becomes a
``ConfigError`` that names the file (or the variable), the key, and what is expected there.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings.exceptions import SettingsError

from bot.core.config_mistakes import PREFIX, describe_error
from bot.core.config_places import DEFAULT_FILE, data_dir_of, find_config
from bot.core.detector_settings import DetectorSettings
from bot.core.errors import ConfigError, TokenError
from bot.core.model_settings import ModelSettings, label_of
from bot.core.moderation_settings import ModerationSettings
from bot.core.monitoring_settings import MetricsSettings, TracingSettings
from bot.core.owner_settings import OwnerSettings
from bot.core.privacy_settings import PrivacySettings
from bot.core.queue_settings import QueueSettings
from bot.core.quota_settings import QuotaSettings
from bot.core.remote_settings import RemoteSettings
from bot.core.section import Section
from generator.contract.bounds import MAX_GUIDANCE_SCALE, MAX_PROMPT_CHARACTERS, MAX_STEPS
from generator.contract.text_files import EncodingError, read_text
from generator.contract.travel import with_each_text
from generator.contract.worker_settings import HOTSHOT_ENGINE

DISCORD = "https://discord.com"
MAX_STYLES = 25  # as many choices as Discord shows
MAX_NAMED_MODELS = 24  # beside the default one
PROMPT_FIELD = "{prompt}"
_MODEL_NAME = re.compile(r"\w[\w .-]{0,31}(?<! )")
_DEVICE = re.compile(r"auto|mps|cpu(:[1-9]\d?)?|cuda(:\d{1,2})?")
_DEVICES = '"auto", "cpu", "cpu:2" (two processes), "mps", "cuda:0" or a list of them is expected'
# Names of engines in configs of earlier versions, and what they are called now.
_RENAMED_ENGINES = {"generator.hotshot_engine:create": HOTSHOT_ENGINE}


class DiscordSettings(Section):
    """``[discord]``: who the bot is and where Discord is."""

    token: SecretStr = SecretStr("")
    base_url: str = DISCORD
    allow_foreign_base_url: bool = False

    @field_validator("base_url")
    @classmethod
    def _checked_url(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("an address that starts with http:// or https:// is expected")
        return value.rstrip("/")


class GeneratorSettings(Section):
    """``[generator]``: the model, and a worker process for each device."""

    model: str = "nano"
    devices: str | list[str] = "auto"
    spatial_unet_base: str = ""
    unet_only: bool = False
    prediction_type: Literal["", "epsilon", "v_prediction", "sample"] = ""
    low_vram: bool | Literal["auto"] = "auto"
    compile: Literal["auto", "never", "always"] = "auto"
    depth_model: str = ""
    precision: Literal["auto", "f32", "f16", "bf16", "fp8"] = "auto"
    silence_seconds: Annotated[float, Field(gt=0)] = 600.0
    memory_limit_mb: Annotated[int, Field(ge=0)] = 0
    engine: str = HOTSHOT_ENGINE

    @field_validator("devices")
    @classmethod
    def _known_devices(cls, value: str | list[str]) -> str | list[str]:
        names = [value] if isinstance(value, str) else value
        for name in names:
            if not _DEVICE.fullmatch(name):
                raise ValueError(f"{name[:40]!r} isn't a device; {_DEVICES}")
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(
                f"{twice[0]!r} is listed twice; for two processes on the CPU, use cpu:2"
            )
        return value

    @field_validator("engine")
    @classmethod
    def _current_name(cls, value: str) -> str:
        return _RENAMED_ENGINES.get(value, value)

    @property
    def device_names(self) -> tuple[str, ...]:
        """Return the name of each worker's device.

        ``cpu:2`` is two workers, while ``cuda:2`` is one on the third GPU.
        """
        names = [self.devices] if isinstance(self.devices, str) else self.devices
        each = (name.partition(":") for name in names)
        return tuple(
            itertools.chain.from_iterable(
                ["cpu"] * int(number or 1) if kind == "cpu" else [f"{kind}{colon}{number}"]
                for kind, colon, number in each
            )
        )


class StorageSettings(Section):
    """``[storage]``: the database, and the directory of everything else."""

    data_dir: Path = Path("data")
    database_url: str = ""
    keep_days: Annotated[float, Field(gt=0)] = 30.0
    keep_mb: Annotated[int, Field(ge=1)] = 5000
    min_free_mb: Annotated[int, Field(ge=0)] = 200

    @field_validator("data_dir")
    @classmethod
    def _expanded(cls, value: Path) -> Path:
        return value.expanduser()

    @property
    def blobs(self) -> Path:
        """Return the directory of results and attachments, which are named by their hash."""
        return self.data_dir.resolve() / "blobs"

    @property
    def scratch(self) -> Path:
        """Return the directory that workers write to.

        It is on the same file system as the blobs, so that a rename takes a file from there.
        """
        return self.data_dir.resolve() / "scratch"

    @property
    def url(self) -> str:
        """Return the database's address, by default that of a SQLite file in ``data_dir``."""
        return self.database_url or f"sqlite:///{self.data_dir / 'hotshot.db'}"


def _plain_names(value: tuple[str, ...]) -> tuple[str, ...]:
    for name in value:
        if not name or any(mark in name for mark in "/:*@ "):
            raise ValueError("host names such as huggingface.co are expected")
    return tuple(name.lower() for name in value)


HostNames = Annotated[tuple[str, ...], AfterValidator(_plain_names)]
"""Hosts that may be named, each with its subdomains."""


class AttachmentSettings(Section):
    """``[attachments]``: GIFs and pictures that people bring, and where links may lead."""

    max_mb: Annotated[int, Field(ge=1, le=64)] = 25
    seconds: Annotated[float, Field(gt=0, le=300)] = 30.0
    per_user_day_mb: Annotated[int, Field(ge=0)] = 1000
    per_user_day_drafts: Annotated[int, Field(ge=0)] = 200
    # Discord's own addresses and its copies of what messages link to, and its picker's GIFs
    hosts: HostNames = (
        "cdn.discordapp.com",
        "media.discordapp.net",
        "images-ext-1.discordapp.net",
        "images-ext-2.discordapp.net",
        "media.tenor.com",
        "giphy.com",
        "klipy.com",
        "i.imgur.com",
    )


class LoraSettings(Section):
    """``[loras]``: files that people bring, how many and how large, and where links may lead."""

    max_mb: Annotated[int, Field(ge=1)] = 500
    per_user: Annotated[int, Field(ge=0)] = 20
    per_user_mb: Annotated[int, Field(ge=0)] = 2000
    per_user_day_mb: Annotated[int, Field(ge=0)] = 4000
    seconds: Annotated[float, Field(gt=0, le=3600)] = 600.0
    hosts: HostNames = ("huggingface.co", "civitai.com")


class Style(Section):
    """``[styles.NAME]``: what a style makes of a person's prompt, and what it sets."""

    prompt: Annotated[str, Field(max_length=MAX_PROMPT_CHARACTERS)] = PROMPT_FIELD
    negative_prompt: Annotated[str, Field(max_length=MAX_PROMPT_CHARACTERS)] = ""
    steps: Annotated[int, Field(ge=1, le=MAX_STEPS)] | None = None
    guidance: Annotated[float, Field(ge=0, le=MAX_GUIDANCE_SCALE)] | None = None
    adult: bool = False

    @field_validator("prompt")
    @classmethod
    def _has_one_prompt_field(cls, value: str) -> str:
        if value.count(PROMPT_FIELD) != 1:
            raise ValueError(f"a text with {PROMPT_FIELD} in it, once, is expected")
        return value

    def applied_to(self, prompt: str, negative_prompt: str | None) -> tuple[str, str | None]:
        """Return a person's prompt and negative prompt within the style's.

        The negative prompt stays None where neither of the two has one.
        """
        own = self.negative_prompt
        joined = negative_prompt
        if own:
            joined = with_each_text(
                negative_prompt or "", lambda text: f"{text}, {own}" if text else own
            )
        return with_each_text(prompt, lambda text: self.prompt.replace(PROMPT_FIELD, text)), joined


class LogSettings(Section):
    """``[log]``: how much is logged on standard error, in which format, and whether of prompts."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    format: Literal["text", "json"] = "text"
    prompts: bool = False


class Settings(BaseSettings):
    """The whole configuration: every section of the file."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        hide_input_in_errors=True,
    )

    discord: DiscordSettings = DiscordSettings()
    generator: GeneratorSettings = GeneratorSettings()
    storage: StorageSettings = StorageSettings()
    queue: QueueSettings = QueueSettings()
    quota: QuotaSettings = QuotaSettings()
    moderation: ModerationSettings = ModerationSettings()
    owner: OwnerSettings = OwnerSettings()
    detector: DetectorSettings = DetectorSettings()
    privacy: PrivacySettings = PrivacySettings()
    attachments: AttachmentSettings = AttachmentSettings()
    loras: LoraSettings = LoraSettings()
    remote: RemoteSettings = RemoteSettings()
    styles: Annotated[dict[str, Style], Field(max_length=MAX_STYLES)] = {}
    models: Annotated[dict[str, ModelSettings], Field(max_length=MAX_NAMED_MODELS)] = {}
    metrics: MetricsSettings = MetricsSettings()
    tracing: TracingSettings = TracingSettings()
    log: LogSettings = LogSettings()

    @field_validator("models")
    @classmethod
    def _plain_model_names(cls, value: dict[str, ModelSettings]) -> dict[str, ModelSettings]:
        for name in value:
            if not _MODEL_NAME.fullmatch(name):
                raise ValueError(
                    f"{name[:40]!r} can't be a model's name; use up to 32 letters, digits, "
                    "spaces, dots, hyphens and underscores"
                )
        return value

    @model_validator(mode="after")
    def _different_model_names(self) -> Self:
        names = [label_of(self.generator.model), *self.models]
        for name in self.models:
            if sum(name.casefold() == each.casefold() for each in names) > 1:
                raise ValueError(
                    f"models: two models are called {name!r}, counting that of generator.model; "
                    "give each a name of its own"
                )
        return self

    @model_validator(mode="after")
    def _queue_and_quotas_agree(self) -> Self:
        self.queue.check_against(self.quota)
        return self

    def require_token(self) -> str:
        """Return the bot's token. Raises TokenError where there is none."""
        token = self.discord.token.get_secret_value().strip()
        if not token:
            raise TokenError(
                "There is no bot token: put one into discord.token of the config file (the "
                "README's section on Discord says where to get it), or try the bot without "
                "Discord with `hotshot-bot sandbox` or `make demo`."
            )
        return token

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources of settings: the environment, which wins, and the file."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings


def load(file: Path | None = None) -> Settings:
    """Return the settings that ``file``, or the config that is found, and the environment say.

    Raises ConfigError.
    """
    path = file or find_config()
    return check_settings(path or DEFAULT_FILE, read_values(path) if path else {})


def check_settings(path: Path, values: dict[str, Any]) -> Settings:
    """Return the settings that these values of a file, and the environment, say.

    Raises ConfigError.
    """
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise ConfigError(describe_error(path, error, settings=Settings)) from error
    except SettingsError as error:
        raise ConfigError(f"An override in the environment can't be read: {error}.") from error
    if not settings.generator.device_names and not settings.remote.is_used:
        raise ConfigError(
            f"{path}: generator.devices is empty, so nothing would make GIFs; name a device, or "
            "set remote.listen for GPU hosts elsewhere."
        )
    data_dir = data_dir_of(path, settings.storage.data_dir)
    storage = settings.storage.model_copy(update={"data_dir": data_dir})
    return settings.model_copy(update={"storage": storage})


def read_values(path: Path) -> dict[str, Any]:
    """Return what a config file says. Raises ConfigError."""
    try:
        return tomllib.loads(read_text(path))
    except FileNotFoundError:
        raise ConfigError(
            f"There is no config file {path}; `hotshot-bot setup --config {path}` writes one, or "
            "name another with --config."
        ) from None
    except EncodingError as error:
        raise ConfigError(f"The config file {path} {error}.") from error
    except OSError as error:
        raise ConfigError(f"The config file {path} can't be read: {error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The config file {path} is not valid TOML: {error}.") from error
