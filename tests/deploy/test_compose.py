"""The compose file: of the published schema, and its settings and files are there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.broker.certificates import ensure_authority, ensure_server_certificate, server_files
from bot.broker.registry import HostRegistry
from bot.broker.server_config import accounts_block
from bot.core.config import Settings
from tests.installations import ROOT, run
from tests.programs import need_program

DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
OWN_NATS = DEPLOY / "compose.nats.yaml"


class Loader(yaml.SafeLoader):
    """Reads a list that takes the place of the first file's."""


def _overriding(loader: Loader, node: yaml.SequenceNode) -> list[Any]:
    return loader.construct_sequence(node)


Loader.add_constructor("!override", _overriding)


def compose(file: Path = COMPOSE) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(file.read_text(encoding="utf-8"), Loader)  # noqa: S506 - a safe one
    return found


def prometheus() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "containers" / "prometheus.yml").read_text())
    return found


def test_they_are_of_the_published_schema(tmp_path: Path) -> None:
    files = []
    for file in (COMPOSE, OWN_NATS):
        files.append(tmp_path / f"{file.stem}.json")  # its tag isn't known to the checker
        files[-1].write_text(json.dumps(compose(file)), encoding="utf-8")
    checker = [sys.executable, "-m", "check_jsonschema"]
    done = subprocess.run(
        [*checker, "--builtin-schema", "vendor.compose-spec", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_bot_s_settings_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    given = compose()["services"]["bot"]["environment"]
    for name, value in given.items():
        section, _, key = name.removeprefix("HOTSHOT_").lower().partition("__")
        field = Settings.model_fields[section].annotation
        assert field is not None
        assert key in field.model_fields
        monkeypatch.setenv(name, re.sub(r"\$\{.+?\}", "bot.example.com", value))
    settings = Settings()
    assert settings.generator.device_names == ()
    assert settings.remote.is_used
    [target] = prometheus()["scrape_configs"][0]["static_configs"][0]["targets"]
    host, _, port = target.partition(":")
    assert settings.metrics.hosts == (host,)
    assert str(settings.metrics.listen_address.port) == port


def test_with_a_server_of_its_own_hosts_dial_that(monkeypatch: pytest.MonkeyPatch) -> None:
    together = compose()["services"]["bot"]["environment"]
    together |= compose(OWN_NATS)["services"]["bot"]["environment"]
    for name, value in together.items():
        monkeypatch.setenv(name, re.sub(r"\$\{.+?\}", "bot.example.com", value))
    assert Settings().remote.url == "tls://bot.example.com"
    assert compose(OWN_NATS)["services"]["bot"]["ports"] == []


def test_nats_takes_its_config_with_the_block_of_the_bot(tmp_path: Path) -> None:
    registry = HostRegistry(tmp_path / "data")
    registry.add("home")
    block = accounts_block(registry.read().hosts, bot_key=registry.bot_key().public)
    container = tmp_path / "container"
    secrets, place = container / "run" / "secrets" / "nats", container / "etc" / "nats"
    secrets.mkdir(parents=True)
    place.mkdir(parents=True)
    (secrets / "hotshot.conf").write_text(block)
    ensure_authority(tmp_path)
    ensure_server_certificate(tmp_path, ["127.0.0.1"])
    for name, file in zip(("cert.pem", "key.pem"), server_files(tmp_path), strict=True):
        shutil.copy(file, secrets / name)
    config = (DEPLOY / "containers" / "nats.conf").read_text(encoding="utf-8")
    # an include is relative, whatever it begins with; so it is left as the container has it
    (place / "nats.conf").write_text(config.replace('"/run/', f'"{container}/run/'))
    run([str(need_program("nats-server")), "-t", "-c", str(place / "nats.conf")], tmp_path)


def test_what_has_to_be_filled_in_is_in_the_example() -> None:
    text = COMPOSE.read_text(encoding="utf-8")
    wanted = set(re.findall(r"\$\{(\w+)", text))
    example = (DEPLOY / "env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"(?m)^(\w+)=", example)) == wanted
    assert all(
        ":?" in each for each in re.findall(r"\$\{[^}]+\}", text)
    )  # told where it is missing


def test_every_file_that_is_mounted_is_here() -> None:
    for service in (compose()["services"] | compose(OWN_NATS)["services"]).values():
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            is_secret = source.startswith("./secrets/")  # the operator's own
            assert source in compose()["volumes"] or is_secret or (DEPLOY / source).is_file(), (
                source
            )


def test_targets_are_stages_of_the_dockerfile() -> None:
    stages = re.findall(r"(?m)^FROM \S+ AS (\S+)$", (DEPLOY / "Dockerfile").read_text())
    built = [each["build"] for each in compose()["services"].values() if "build" in each]
    assert {each["target"] for each in built} == {"bot", "worker"} <= set(stages)
    for each in built:
        assert (
            DEPLOY / each["context"] / each["dockerfile"]
        ) == DEPLOY / ".." / "deploy/Dockerfile"


def test_no_container_has_more_rights_than_it_needs_and_only_two_ports_are_open() -> None:
    services = compose()["services"]
    services["nats"] = compose(OWN_NATS)["services"]["nats"]
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    ports = {port for service in services.values() for port in service.get("ports", ())}
    assert ports == {"4222:4222", "127.0.0.1:3000:3000"}


def test_prometheus_takes_its_config_with_the_alerts_beside_it(tmp_path: Path) -> None:
    mounted = [volume.split(":") for volume in compose()["services"]["prometheus"]["volumes"]]
    for source, target, *_ in mounted:
        if target.startswith("/etc/prometheus/"):
            shutil.copy(DEPLOY / source, tmp_path / Path(target).name)
    checked = run(
        [str(need_program("promtool")), "check", "config", str(tmp_path / "prometheus.yml")],
        tmp_path,
    )
    assert "1 rule files found" in checked
    own = yaml.safe_load((DEPLOY / "monitoring" / "prometheus.yml").read_text())
    own["scrape_configs"][0]["static_configs"] = prometheus()["scrape_configs"][0]["static_configs"]
    assert own == prometheus()
