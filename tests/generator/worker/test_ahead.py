"""When an engine is given the job that waits, to begin on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from generator.contract.errors import RequestError
from generator.contract.file_reference import FileReference
from generator.contract.messages import Generate, Request
from generator.contract.progress import JobProgressCallback
from generator.contract.raw_clip import RawClip
from generator.worker.ahead import Ahead
from tests.generator.engines import Loaded


@dataclass(frozen=True)
class Prepares(Loaded):
    """Notes what it is to prepare; refuses what is called so."""

    heard: list[str] = field(default_factory=list)

    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> RawClip:
        raise AssertionError("nobody asks for that here")

    def prepare(self, request: Request) -> None:
        self.heard.append(request.prompt or request.image)
        if request.prompt == "refused":
            raise RequestError("That isn't a prompt.")


def job(prompt: str, *, attempt: int = 1, image: str = "") -> Generate:
    request = Request(
        prompt=prompt, seed=1, width=64, height=64, steps=2, guidance_scale=5.0, image=image
    )
    return Generate(prompt, attempt, request, ".gif")


def ahead(files: Path = Path("files")) -> tuple[Ahead, list[str]]:
    """Returns it with what its engine is to prepare."""
    engine, made = Prepares(), Ahead(files)
    made.serve(engine)
    return made, engine.heard


def test_the_next_job_is_prepared_once_the_one_before_is_denoised() -> None:
    (one, heard), first, second = ahead(), job("first"), job("second")
    one.job_came(first)
    one.job_begins(first)
    one.job_came(second)
    assert heard == []
    one.job_denoised(first)
    assert heard == ["second"]
    one.job_came(job("third"))
    assert heard == ["second"]  # one at a time


def test_one_that_comes_while_the_one_before_is_decoded_is_prepared_at_once() -> None:
    (one, heard), first = ahead(), job("first")
    one.job_came(first)
    one.job_begins(first)
    one.job_denoised(first)
    one.job_came(job("second"))
    assert heard == ["second"]


def test_an_engine_that_waits_or_denoises_prepares_nothing() -> None:
    (one, heard), first, second = ahead(), job("first"), job("second")
    one.job_came(first)
    assert heard == []
    one.job_begins(first)
    one.job_denoised(first)
    one.job_came(second)
    one.job_begins(second)
    one.job_came(job("third"))
    assert heard == ["second"]


def test_beside_one_that_is_made_once_more_nothing_is_prepared() -> None:
    (one, heard), again = ahead(), job("again", attempt=2)
    one.job_came(again)
    one.job_begins(again)
    one.job_came(job("next"))
    one.job_denoised(again)
    assert heard == []


def test_what_can_t_be_prepared_costs_nobody_anything() -> None:
    (one, heard), first, refused = ahead(), job("first"), job("refused")
    for each in (first, refused):
        one.job_came(each)
    one.job_begins(first)
    one.job_denoised(first)
    assert heard == ["refused"]
    one.job_begins(refused)
    one.job_came(job("next"))
    one.job_denoised(refused)
    assert heard == ["refused", "next"]


def test_an_engine_is_given_paths_of_what_is_named_by_its_hash(tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"a picture")
    reference = FileReference.of_file(picture)
    (one, heard), first = ahead(tmp_path), job("first")
    one.job_came(first)
    one.job_begins(first)
    one.job_denoised(first)
    one.job_came(job("", image=reference.name))
    assert [reference.path_in(tmp_path)] == [Path(each) for each in heard]
