"""Programs beside Python that tests work with: an independent judge, or a server of the real kind.

A test says `chromium = need_program("chromium")` and gets its path, or is skipped with the line
that installs it. Where `HOTSHOT_REQUIRE_PROGRAMS` is set, as `.ci/run` does, a missing program is a
failure instead. `PROGRAMS` is the only list: `python3 -m tests.programs` prints the Debian packages
that are still missing here. Standard library only at import, so that any Python can print them.
"""

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

REQUIRE = "HOTSHOT_REQUIRE_PROGRAMS"


@dataclass(frozen=True, slots=True)
class Program:
    """A program by the name that it is started with, and the Debian package that holds it."""

    name: str
    package: str
    purpose: str
    elsewhere: str = ""  # a pattern below / of directories that aren't on the PATH


_POSTGRESQL = "usr/lib/postgresql/*/bin"

PROGRAMS: tuple[Program, ...] = (
    Program("chromium", "chromium", "what people see of a file or a page"),
    Program("postgres", "postgresql", "the grown-up database", _POSTGRESQL),
    Program("initdb", "postgresql", "a database cluster of a test's own", _POSTGRESQL),
    Program("pg_ctl", "postgresql", "starts and stops that cluster", _POSTGRESQL),
    Program("psql", "postgresql", "looks into it", _POSTGRESQL),
    Program("nats-server", "nats-server", "GPU hosts elsewhere"),
    Program("ip", "iproute2", "networks of their own for GPU hosts"),
    Program("iptables", "iptables", "NAT in front of them"),
    Program("promtool", "prometheus", "checks metrics as Prometheus does"),
    Program("systemd-analyze", "systemd", "reads units, and says how closed a service is"),
    Program("ffmpeg", "ffmpeg", "makes films; another build than the one that pip brings"),
    Program("ffprobe", "ffmpeg", "says what is in a film"),
    Program("gifsicle", "gifsicle", "makes and explains GIFs"),
    Program("apngasm", "apngasm", "makes animated PNGs"),
    Program("avifenc", "libavif-bin", "makes AVIF pictures"),
    Program("avifdec", "libavif-bin", "reads AVIF pictures"),
    Program("heif-enc", "libheif-examples", "makes HEIC pictures as phones do"),
    Program("webpmux", "webp", "takes WebP files apart"),
    Program("exiftool", "libimage-exiftool-perl", "writes EXIF and XMP"),
)


def find_program(name: str) -> Path | None:
    """Return where a listed program is, on the PATH or where Debian keeps it; None if nowhere."""
    return _locate(_listed(name))


def need_program(name: str) -> Path:
    """Return where a listed program is; skip the running test where it is missing.

    Fails instead of skipping where `HOTSHOT_REQUIRE_PROGRAMS` is set to anything but "" and "0".
    """
    found = find_program(name)
    if found is None:
        skip_or_fail(f"{name} isn't installed: apt-get install {_listed(name).package}")
    return found


def skip_or_fail(sentence: str) -> NoReturn:
    """Skip the running test for lack of something, or fail where ``need_program`` would."""
    import pytest

    if os.environ.get(REQUIRE, "0") not in {"", "0"}:
        pytest.fail(f"{sentence} (a failure, since {REQUIRE} is set)")
    pytest.skip(sentence)


def missing_packages(programs: Iterable[Program] = PROGRAMS) -> list[str]:
    """Return the Debian packages of programs that aren't here, each once, in the list's order."""
    return list(dict.fromkeys(p.package for p in programs if _locate(p) is None))


def _listed(name: str) -> Program:
    for program in PROGRAMS:
        if program.name == name:
            return program
    raise ValueError(f"{name} isn't in tests/programs.py: put it there, with its Debian package")


def _locate(program: Program) -> Path | None:
    if found := shutil.which(program.name):
        return Path(found)
    if program.elsewhere:
        # the newest version first: postgresql/15 before postgresql/9.6
        directories = sorted(Path("/").glob(program.elsewhere), key=_by_numbers, reverse=True)
        for directory in directories:
            if found := shutil.which(program.name, path=str(directory)):
                return Path(found)
    return None


def _by_numbers(directory: Path) -> list[int]:
    digits = "".join(c if c.isdigit() else " " for c in str(directory))
    return [int(number) for number in digits.split()]


if __name__ == "__main__":
    print("\n".join(missing_packages()))
