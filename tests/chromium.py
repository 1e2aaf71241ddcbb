"""Asks Chromium what people see of a picture, an animation or a film, as pixels on white.

One headless Chromium for a batch of questions, over a server on loopback that hands out the files
and takes in the answers. Needs the program: see ``tests.programs``.
"""

from __future__ import annotations

import base64
import json
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

from generator.media.clip import Frames
from tests.programs import need_program

_WITHIN = 120.0  # seconds; an idle machine needs about three
_QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--autoplay-policy=no-user-gesture-required", "--force-color-profile=srgb"),
)
_PAGE = """<!doctype html><meta charset=utf-8><script>
const pixels = (source, width, height) => {
  const canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext('2d', {willReadFrequently: true});
  pen.fillStyle = 'white'; pen.fillRect(0, 0, width, height);
  pen.drawImage(source, 0, 0, width, height);
  const {data} = pen.getImageData(0, 0, width, height);
  let text = '';
  for (let at = 0; at < data.length; at += 8192)
    text += String.fromCharCode(...data.subarray(at, at + 8192));
  return {width, height, rgba: btoa(text)};
};
const happens = (thing, name) => new Promise((done, failed) => {
  thing.addEventListener(name, done, {once: true});
  thing.addEventListener('error', () => failed(new Error('error of the element')), {once: true});
});
const kinds = {
  async picture({url}) {
    const image = new Image(); image.src = url; await image.decode();
    document.body.append(image);
    return {frames: [pixels(image, image.naturalWidth, image.naturalHeight)], ms: [0]};
  },
  async animation({url, type}) {
    const decoder = new ImageDecoder({data: (await fetch(url)).body, type});
    await decoder.tracks.ready; await decoder.completed;
    const frames = [], ms = [];
    for (let index = 0; index < decoder.tracks.selectedTrack.frameCount; index++) {
      const {image} = await decoder.decode({frameIndex: index});
      frames.push(pixels(image, image.displayWidth, image.displayHeight));
      ms.push((image.duration || 0) / 1000); image.close();
    }
    return {frames, ms};
  },
  async film({url, moments}) {
    const video = document.createElement('video');
    video.muted = true; video.preload = 'auto'; video.src = url; document.body.append(video);
    await happens(video, 'loadeddata');
    const frames = [];
    for (const moment of moments) {
      const seeked = happens(video, 'seeked');
      const painted = new Promise(done => video.requestVideoFrameCallback(done));
      video.currentTime = moment; await seeked;
      // A frame that was painted already isn't painted again.
      await Promise.race([painted, new Promise(done => setTimeout(done, 500))]);
      frames.push(pixels(video, video.videoWidth, video.videoHeight));
    }
    return {frames, ms: [video.duration * 1000]};
  },
};
(async () => {
  const questions = await (await fetch('/questions')).json(), answers = [];
  for (const question of questions) {
    try { answers.push(await kinds[question.kind](question)); }
    catch (error) { answers.push({error: String(error), frames: [], ms: []}); }
  }
  await fetch('/answers', {method: 'POST', body: JSON.stringify(answers)});
})();
</script><body>"""
_TYPES = {".gif": "image/gif", ".webp": "image/webp", ".png": "image/png", ".avif": "image/avif"}


@dataclass(frozen=True, slots=True)
class Seen:
    """RGB frames (h, w, 3) on white. Of an animation, ``ms`` has each frame's own delay as the file
    says it; of a film, its whole duration. ``error`` is empty where Chromium can show it.
    """

    frames: list[Frames]
    ms: list[float]
    error: str


def picture(path: Path) -> dict[str, Any]:
    """The question how an ``<img>`` shows a still picture."""
    return {"kind": "picture", "path": path}


def animation(path: Path) -> dict[str, Any]:
    """The question for every frame of an animation."""
    return {"kind": "animation", "path": path, "type": _TYPES[path.suffix]}


def film(path: Path, moments: Sequence[float]) -> dict[str, Any]:
    """The question what a ``<video>`` shows at each moment, in seconds."""
    return {"kind": "film", "path": path, "moments": list(moments)}


def ask(*questions: dict[str, Any]) -> list[Seen]:
    """The answers, in order. Skips the test where there is no Chromium."""
    program = need_program("chromium")
    files = [question["path"] for question in questions]
    asked = [
        question | {"path": "", "url": f"/file/{index}"} for index, question in enumerate(questions)
    ]
    with (
        _Server(files, json.dumps(asked).encode()) as server,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as own,  # its children end late
    ):
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        command = [str(program), *_QUIET, f"--user-data-dir={own}", address]
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as browser:
            try:
                if not server.answered.wait(_WITHIN):
                    raise TimeoutError("Chromium gave no answer")
            finally:
                browser.terminate()
    return [
        Seen([_pixels(frame) for frame in answer["frames"]], answer["ms"], answer.get("error", ""))
        for answer in json.loads(server.answers)
    ]


def _pixels(frame: dict[str, Any]) -> Frames:
    flat = np.frombuffer(base64.b64decode(frame["rgba"]), np.uint8)
    return flat.reshape(frame["height"], frame["width"], 4)[..., :3]


class _Server(ThreadingHTTPServer):
    def __init__(self, files: Sequence[Path], questions: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files, self.questions = files, questions
        self.answered, self.answers = threading.Event(), b""
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)

    def __enter__(self) -> _Server:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """The page, the questions, or a file, of which a film's player wants any range."""
        if self.path.startswith("/file/"):
            path = self.server.files[int(self.path.rpartition("/")[2])]
            self._send(path.read_bytes())
        else:
            self._send(self.server.questions if self.path == "/questions" else _PAGE.encode())

    def do_POST(self) -> None:
        """The answers."""
        self.server.answers = self.rfile.read(int(self.headers["Content-Length"]))
        self._send(b"")
        self.server.answered.set()

    def _send(self, data: bytes) -> None:
        begin, end = 0, len(data)
        if wanted := self.headers.get("Range"):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            begin, end = int(first), int(last) + 1 if last else end
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - begin))
        self.end_headers()
        self.wfile.write(data[begin:end])

    def log_message(self, *_: object) -> None:
        """Nothing: the tests' output is for their failures."""
