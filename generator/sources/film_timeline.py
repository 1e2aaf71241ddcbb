"""When each frame of a film is seen, found without decoding it wherever that can be trusted.

Containers list packets, and people see frames: an edit list hides packets, a cut leaves frames that
can't be decoded, VP8 has packets that are never shown. Where a film has any sign of these, all of
it is decoded and the frames are counted; else the packets are believed, which costs no decoding.
"""

from __future__ import annotations

import itertools
import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from generator.contract.errors import MediaError
from generator.media.containers import BrokenFileError
from generator.sources import ffmpeg
from generator.sources.refusals import MAX_FILM_FRAMES, MAX_PIXELS, check_frames

_KEY, _CORRUPT, _DISCARD = 0x1, 0x2, 0x4  # ffmpeg's AV_PKT_FLAG_*
_HIDES_PACKETS = ("vp8",)  # alternate reference frames are packets of their own
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # ffmpeg's own leave alpha out
_MOST_PACKETS = 2 * MAX_FILM_FRAMES  # a cut may hide many
_LONE_MS = 40  # a film of one frame that tells no duration
_PACKET = re.compile(r"0, *(-?\d+), *(-?\d+), *(\d+), *\d+, 0x[0-9a-f]+(?:, F=0x([0-9A-F]+))?(.*)")
_SIZE = re.compile(r"showinfo.* sar:(\d+)/(\d+) s:(\d+)x(\d+) ")
_STREAM = re.compile(r"^  Stream #0:(\d+)\b.*?: Video: .*$", re.MULTILINE)
PQ, HLG = "smpte2084", "arib-std-b67"  # the curves of HDR, in ffmpeg's words
_FIRST_FILM = "0:V:0"  # the first that is no cover, in ffmpeg's words
_COLOURS = re.compile(r"showinfo.* color_space:(\S+) color_primaries:\S+ color_trc:(\S+)")


@dataclass(frozen=True, slots=True)
class Timeline:
    """The frames of a film in the order in which they are seen.

    ``starts`` are in seconds, as the file counts them; ``keys`` those at which decoding can begin.
    """

    starts: tuple[Fraction, ...]
    delays_ms: tuple[int, ...]
    keys: tuple[Fraction, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """What a film begins with: its first frame's size, upright and with square pixels, its colours
    in ffmpeg's words, the decoder to ask for ("" for ffmpeg's own), and which stream of the file it
    is.
    """

    width: int
    height: int
    matrix: str
    transfer: str
    decoder: str = ""
    stream: str = _FIRST_FILM

    @property
    def is_hdr(self) -> bool:
        """Whether it is brighter than an ordinary screen."""
        return self.transfer in (PQ, HLG)


@dataclass(frozen=True, slots=True)
class _Packet:
    start: Fraction
    duration: Fraction
    flags: int
    has_alpha: bool


def read_head(path: Path, kind: str) -> Head:
    """Return the head of a film of any length. Raises BrokenFileError, MediaError for no film."""
    return _listed(path, kind, 1)[0]


def read_timeline(path: Path, kind: str) -> tuple[Head, Timeline]:
    """Return the head of a film, and when each of its frames is seen.

    Raises BrokenFileError where there is no film, MediaError for far too many frames.
    """
    head, codec, packets = _listed(path, kind, _MOST_PACKETS)
    seen = [packet for packet in packets if not packet.flags & _DISCARD]
    check_frames(len(seen), most=MAX_FILM_FRAMES)
    if any(packet.flags & _CORRUPT for packet in packets):
        raise BrokenFileError("the film ends in the middle of a packet")
    pixels = head.width * head.height * len(seen)
    if pixels <= MAX_PIXELS and not _are_frames(codec, packets):
        seen = _decoded(path, kind, head.stream)
    return head, _timeline(seen)


def _listed(
    path: Path, kind: str, most: int, stream: str = _FIRST_FILM
) -> tuple[Head, str, list[_Packet]]:
    """Return the head, the codec's name, and up to ``most`` packets; one frame is decoded."""
    words = ffmpeg.command(
        *(path, kind, "-map", stream, "-c", "copy", "-frames:v", str(most)),
        *("-f", "framecrc", "pipe:1"),
        *("-map", stream, "-frames:v", "1", "-vf", "showinfo=checksum=0", "-f", "null", "-"),
        level="info",
    )
    listed, said = ffmpeg.run(words)
    if stream == _FIRST_FILM and (shown := _shown_stream(said)) != stream:
        return _listed(path, kind, most, shown)
    if "matches no streams" in said and "Audio:" in said:
        raise MediaError("The file has only sound and no picture; give a video.")
    codec, packets = _packets(listed)
    decoder = _ALPHA_DECODERS.get(codec, "") if packets[0].has_alpha else ""
    return replace(_head(said), decoder=decoder, stream=stream), codec, packets


def _shown_stream(said: str) -> str:
    """Return the film that players show of a file with several: the first it calls the default."""
    of_input = said.partition("Stream mapping:")[0]
    films = [line for line in _STREAM.finditer(of_input) if "(attached pic)" not in line[0]]
    shown = next((line for line in films if "(default)" in line[0]), None)
    return f"0:{shown[1]}" if shown and shown is not films[0] else _FIRST_FILM


def _are_frames(codec: str, packets: Sequence[_Packet]) -> bool:
    """Return whether each packet is a frame that is seen."""
    first = packets[0]
    starts = [packet.start for packet in packets]
    return (
        codec not in _HIDES_PACKETS
        and bool(first.flags & _KEY)
        and min(starts) == first.start  # else frames before it refer to what was cut away
        and len(set(starts)) == len(starts)
        and not any(packet.flags & _DISCARD for packet in packets)
    )


def _decoded(path: Path, kind: str, stream: str) -> list[_Packet]:
    """Return every frame that comes out of the decoder."""
    words = ffmpeg.command(
        *(path, kind, "-map", stream, "-frames:v", str(MAX_FILM_FRAMES + 1)),
        *("-fps_mode", "passthrough", "-enc_time_base", "demux"),
        *("-c:v", "wrapped_avframe", "-f", "framecrc", "-threads", "1", "pipe:1"),
    )
    _, frames = _packets(ffmpeg.run(words)[0])
    check_frames(len(frames), most=MAX_FILM_FRAMES)
    return frames


def _packets(lines: str) -> tuple[str, list[_Packet]]:
    """Return the codec's name and the packets that ffmpeg's framecrc lists.

    Raises BrokenFileError where it lists none.
    """
    codec, unit = "", Fraction(1)
    packets: list[_Packet] = []
    for line in lines.splitlines():
        if line.startswith("#codec_id 0: "):
            codec = line.rpartition(" ")[2]
        elif found := re.match(r"#tb 0: (\d+)/(\d+)", line):
            unit = Fraction(int(found[1]), int(found[2]))
        elif found := _PACKET.match(line):
            flags = int(found[4], 16) if found[4] else _KEY
            start, duration = int(found[2]) * unit, int(found[3]) * unit
            packets.append(_Packet(start, duration, flags, "BlockAdditional" in found[5]))
    if not packets:
        raise BrokenFileError("there is no film in it")
    return codec, packets


def _head(said: str) -> Head:
    """Return the head of a film from what ffmpeg's showinfo says of its first frame."""
    found, colours = _SIZE.search(said), _COLOURS.search(said)
    if found is None or colours is None:
        raise BrokenFileError("its first frame can't be decoded")
    across, down, width, height = (int(number) for number in found.groups())
    # As players do it, no pixel is lost: what is too narrow is widened, never lowered.
    if across > down > 0:
        width = width * across // down
    elif down > across > 0:
        height = height * down // across
    return Head(width, height, matrix=colours[1], transfer=colours[2])


def _timeline(frames: Sequence[_Packet]) -> Timeline:
    starts = sorted({frame.start for frame in frames})
    gaps = [after - before for before, after in itertools.pairwise(starts)]
    last = _last_delay(frames, starts[-1] - starts[0])
    if last <= 0:
        last = statistics.median_low(gaps) if gaps else Fraction(_LONE_MS, 1000)
    keys = sorted({frame.start for frame in frames if frame.flags & _KEY})
    return Timeline(tuple(starts), tuple(_milliseconds([*gaps, last])), tuple(keys))


def _last_delay(frames: Sequence[_Packet], span: Fraction) -> Fraction:
    """Return for how long the last frame is seen; not above 0 where the file doesn't tell.

    ``span`` is the time from the first to the last. Where packets are stored in another order than
    they are seen in, each tells how long it is until the next that is stored: only their sum holds.
    """
    stored_last = frames[-1]
    if stored_last.start == max(frame.start for frame in frames):
        return stored_last.duration
    return sum((frame.duration for frame in frames), Fraction(0)) - span


def _milliseconds(gaps: Iterable[Fraction]) -> list[int]:
    """Return whole milliseconds that add up: each frame ends at its rounded time."""
    ends = [round(1000 * end) for end in itertools.accumulate(gaps)]
    return [max(1, end - start) for start, end in itertools.pairwise([0, *ends])]
