"""The systemd units: understood by systemd, and as closed as docs/operating.md says they are."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.installations import ROOT
from tests.programs import need_program

UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
DOCS = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    program = need_program("systemd-analyze")
    return subprocess.run([program, *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_exposure_is_what_the_docs_say(unit: Path) -> None:
    [said] = re.findall(rf"\| `{unit.name}` \| (\d\.\d) \|", DOCS)
    # a newer systemd knows more to look at
    done = analyze(
        "security", "--offline=yes", f"--threshold={float(said) * 10 + 3:.0f}", "--no-pager", unit
    )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
    [found] = re.findall(r"Overall exposure level for \S+: (\d\.\d)", done.stdout)
    assert abs(float(found) - float(said)) <= 0.3


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_every_line(unit: Path, tmp_path: Path) -> None:
    """Its program and its user aren't here: the first is put in place, the second left out."""
    text = re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(encoding="utf-8"))
    text = re.sub(r"(?m)^(User|Group)=.*\n", "", text)
    copy = tmp_path / unit.name
    copy.write_text(text, encoding="utf-8")
    done = analyze("verify", "--man=no", copy)
    about_it = [line for line in done.stderr.splitlines() if unit.name in line or str(copy) in line]
    assert not about_it


def test_what_the_units_run_is_where_the_docs_install_it() -> None:
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8")
        [program] = re.findall(r"(?m)^ExecStart=(\S+)", text)
        assert program in ("/opt/hotshot-bot/bin/hotshot-bot", "/opt/hotshot-bot/bin/hotshot")
        assert "deploy/image.sh install /opt/hotshot-bot" in DOCS
