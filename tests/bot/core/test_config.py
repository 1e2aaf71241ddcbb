"""Settings: what overrides what, and that every mistake names its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.core.config import GeneratorSettings, Settings, Style, load
from bot.core.errors import ConfigError, TokenError
from bot.core.queue_settings import QueueSettings
from generator.contract.worker_settings import HOTSHOT_ENGINE

EXAMPLE = Path(__file__).parents[3] / "config.example.toml"
EARLIER = Path(__file__).with_name("earlier_config.toml")


@pytest.fixture(autouse=True)
def _no_overrides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str) -> Path:
    path = Path("config.toml")
    path.write_text(text, encoding="utf-8")
    return path


def test_the_defaults_need_no_file() -> None:
    settings = load()
    assert settings.generator.model == "nano"
    assert settings.generator.device_names == ("auto",)
    assert settings.storage.url == "sqlite:///data/hotshot.db"


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    path = write('[discord]\ntoken = "file"\n[queue]\nsize = 7\n[generator]\ndevices = "cpu"')
    monkeypatch.setenv("HOTSHOT_DISCORD__TOKEN", "environment")
    monkeypatch.setenv("HOTSHOT_GENERATOR__DEVICES", '["cuda:0", "cuda:1"]')
    settings = load(path)
    assert settings.discord.token.get_secret_value() == "environment"
    assert settings.generator.device_names == ("cuda:0", "cuda:1")
    assert settings.queue.size == 7


@pytest.mark.parametrize(
    ("devices", "names"),
    [
        ('"cpu:3"', ("cpu", "cpu", "cpu")),
        ('"cuda:2"', ("cuda:2",)),
        ('["cuda:0", "cpu:2"]', ("cuda:0", "cpu", "cpu")),
        ('["cuda"]', ("cuda",)),
    ],
)
def test_each_device_is_a_worker(devices: str, names: tuple[str, ...]) -> None:
    assert load(write(f"[generator]\ndevices = {devices}")).generator.device_names == names


def test_nothing_can_be_changed_afterwards() -> None:
    settings = load()
    with pytest.raises(ValueError, match="frozen"):
        settings.queue.size = 1


def test_the_token_is_not_shown() -> None:
    settings = load(write('[discord]\ntoken = "very secret"'))
    assert "very secret" not in repr(settings)
    assert settings.require_token() == "very secret"


def test_no_token() -> None:
    with pytest.raises(TokenError, match="hotshot-bot sandbox"):
        load().require_token()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "[queue]\nsize = 'many'",
            "config.toml: queue.size is wrong: it should be a valid integer",
        ),
        ("[queue]\nsize = 0", "queue.size is wrong: it should be greater than or equal to 1"),
        ("[queue]\nsise = 5", "queue.sise is not a setting; perhaps size was meant."),
        ("[queue]\nfoo = 5", "[queue] has size, per_user, cooldown_seconds, "),
        ("[dicsord]\ntoken = 'x'", "dicsord is not a setting; perhaps discord was meant."),
        ("[x]", "the sections are discord, generator, storage, queue, "),
        ("queue = 5", "queue is wrong: a section, such as [discord], is expected."),
        ("[generator]\ndevices = 'gpu'", '\'gpu\' isn\'t a device; "auto", "cpu"'),
        ("[generator]\ndevices = ['cuda:0', 'cuda:0']", "'cuda:0' is listed twice"),
        ("[generator]\nprecision = 'fp4'", "'auto', 'f32', 'f16', 'bf16' or 'fp8'"),
        ("[generator]\ndevices = 5", "generator.devices is wrong"),
        ("[generator]\ndevices = []", "generator.devices is empty"),
        ("[discord]\nbase_url = 'here'", "starts with http:// or https:// is expected."),
        ("[models.anime]\nsteps = 5", "models.anime is wrong"),
        ("[models.anime]\nmodel = 'nano'\nfew_steps = 'x'", "no kind of distilled LoRA called 'x'"),
        ("[models.anime]\nmodel = 'nano'\nsampler = 'x'", "one of euler_a, "),
        ("[models.anime]\nmodel = 'nano'\nloras = ['a:b']", "FILE or FILE:STRENGTH is expected"),
        ("[models.'a/b']\nmodel = 'nano'", "'a/b' can't be a model's name"),
        ("[models.Nano]\nmodel = 'nano'", "two models are called 'Nano'"),
        ("[discord\n", "config.toml is not valid TOML"),
        ("[queue]\npriority_roles = {artist = 2}", "queue.priority_roles is wrong"),
        ("[queue]\npriority_roles = {7 = 0}", "greater than or equal to 0.01"),
        (
            "[queue]\npriority_roles = {7 = 2}\n[quota]\nroles = {7 = {day_seconds = 9}}",
            "the role 7 is served earlier than others, but has fewer seconds in quota.roles",
        ),
        (
            "[queue]\nmost_minutes = 2\n[quota]\nday_seconds = 60",
            "GIFs of 2 minutes are allowed, but no quota has as many seconds",
        ),
        ("[quota]\nday_seconds = 60\nmonth_seconds = 9", "nobody could ever use up a day's"),
    ],
)
def test_a_mistake_is_one_sentence(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(text))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_as_windows_editors_save_it(encoding: str) -> None:
    path = write("")
    path.write_text('[discord]\ntoken = "abc"', encoding=encoding)
    assert load(path).discord.token.get_secret_value() == "abc"


def test_another_encoding_is_named() -> None:
    path = write("")
    path.write_bytes('# für Ada\n[discord]\ntoken = "abc"'.encode("cp1252"))
    with pytest.raises(ConfigError, match=r"config\.toml is in Latin-1 or Windows-1252"):
        load(path)


def test_a_mistake_in_a_variable_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTSHOT_QUEUE__SIZE", "many")
    with pytest.raises(ConfigError, match="The variable HOTSHOT_QUEUE__SIZE is wrong"):
        load()


def test_a_secret_is_not_in_the_sentence() -> None:
    with pytest.raises(ConfigError) as caught:
        load(write('[discord]\ntokn = "very secret"'))
    assert "very secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_file_that_cannot_be_read(name: str) -> None:
    with pytest.raises(ConfigError, match="config"):
        load(Path(name))


def test_the_example_documents_every_key_with_its_default() -> None:
    example = EXAMPLE.read_text(encoding="utf-8")
    assert load(EXAMPLE) == Settings()
    for name, section in Settings.model_fields.items():
        part = example.partition(f"[{name}]")[2].partition("\n[")[0]
        fields = getattr(type(section.default), "model_fields", {})  # none of styles
        for key in fields:
            assert re.search(rf"^(# )?{key} = ", part, re.MULTILINE), f"{name}.{key}"


def test_a_config_of_the_version_before_still_loads_with_every_key() -> None:
    """The example of November 2026 before modules were moved, with all that it shows as a comment.

    The engine's name, ``low_vram`` and ``queue.per_user`` are all that has changed since.
    """
    settings = load(EARLIER)
    assert settings.generator == GeneratorSettings(low_vram=False)
    assert settings.generator.engine == HOTSHOT_ENGINE
    noir = Style(
        prompt="{prompt}, film noir, high contrast, film grain",
        negative_prompt="colour",
        steps=40,
        guidance=6.0,
    )
    generator = GeneratorSettings(low_vram=False)
    queue = QueueSettings(per_user=50)
    assert settings == Settings(styles={"noir": noir}, generator=generator, queue=queue)


def test_an_engine_of_the_version_before_is_found_in_a_variable_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOTSHOT_GENERATOR__ENGINE", "generator.hotshot_engine:create")
    assert load().generator.engine == HOTSHOT_ENGINE
