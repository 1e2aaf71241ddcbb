"""One setting is written into a config, and all else in it stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.cli.toml_edit import pin
from generator.contract.errors import RequestError
from generator.contract.toml_edit import with_setting

VALUE = "owner/name@0123"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            '[generator]\nmodel = "nano"  # the small one\n',
            '[generator]\nmodel = "owner/name@0123"  # the small one\n',
        ),
        ("[generator]\n  model='a#b' # it\n", '[generator]\n  model = "owner/name@0123" # it\n'),
        (
            '# mine\n[generator]\n# model = "old"\ndevices = "cpu"\n[log]\nmodel = 1\n',
            '# mine\n[generator]\nmodel = "owner/name@0123"\n# model = "old"\ndevices = "cpu"\n'
            "[log]\nmodel = 1\n",
        ),
        ("", '[generator]\nmodel = "owner/name@0123"\n'),
        ("[log]\nlevel = 'x'", "[log]\nlevel = 'x'\n\n[generator]\nmodel = \"owner/name@0123\"\n"),
        ("[generator]", '[generator]\nmodel = "owner/name@0123"\n'),
        (
            '[generator]\r\n"model" = "nano"\r\nunet_only = true\r\n',
            '[generator]\r\nmodel = "owner/name@0123"\r\nunet_only = true\r\n',
        ),
    ],
)
def test_a_setting_is_put_where_it_belongs(before: str, after: str) -> None:
    assert with_setting(before, "generator", "model", VALUE) == after


def test_a_file_keeps_its_bytes_but_for_the_line(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes("\ufeff[discord]\r\n# Ä\r\n[generator]\r\nmodel = 'x'\r\n".encode())
    file.chmod(0o640)
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    pin(link, "model", VALUE)
    assert file.read_bytes() == (
        '\ufeff[discord]\r\n# Ä\r\n[generator]\r\nmodel = "owner/name@0123"\r\n'.encode()
    )
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    "text",
    [
        'generator = {model = "nano"}\n',
        'generator.model = "nano"\n',
        '[generator]\nmodel = """\nnano"""\n',
        "[generator]\nname = '''\n[generator]\nmodel = 1\n'''\nmodel = 'x'\n[[log]]\n",
    ],
)
def test_what_is_written_in_another_way_is_left_to_its_owner(text: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(RequestError, match=f'write model = "{VALUE}" there yourself'):
        pin(file, "model", VALUE)
    assert file.read_text() == text


def test_a_file_that_is_no_toml_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("model = nano")
    with pytest.raises(RequestError, match="is not valid TOML"):
        pin(file, "model", VALUE)
    assert file.read_text() == "model = nano"
