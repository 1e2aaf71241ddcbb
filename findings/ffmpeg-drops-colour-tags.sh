#!/usr/bin/env bash
# ffmpeg writes -colorspace, and silently drops -color_primaries and -color_trc.
#
# Frames made from RGB (a pipe of raw video) carry neither primaries nor a transfer curve. With the
# ffmpeg of imageio-ffmpeg 0.8.1 (9.0), the three options of the encoder that every recipe for H.264
# names together then have different fates: the matrix is written, the other two stay "unknown",
# without a word. A film so tagged isn't shown as meant: Chromium 156 believes a matrix only where
# the primaries are named too, and else guesses by the height, BT.601 below 720 lines. A small film
# in BT.709 then has pure red at (233, 0, 3). The filter "setparams" sets all three.
#
# Prints versions and what was seen; exits with an error if ffmpeg behaves otherwise.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install --quiet imageio-ffmpeg==0.8.1
ffmpeg=$("$work/env/bin/python" -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())')
"$ffmpeg" -version | head -1

made() { # made NAME FILTER OPTION...: a plain film of eight frames, and how its colours are named
  local name=$1 filter=$2
  shift 2
  head -c $((64 * 64 * 3 * 8)) < <(yes $'\xff' | tr -d '\n') > "$work/frames.rgb"
  "$ffmpeg" -loglevel error -y -f rawvideo -pixel_format rgb24 -video_size 64x64 -i "$work/frames.rgb" \
    -vf "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p$filter" -c:v libx264 "$@" "$work/$name.mp4"
  { "$ffmpeg" -hide_banner -i "$work/$name.mp4" 2>&1 || true; } | sed -n 's/.*yuv420p(tv, \([^,]*\),.*/\1/p'
}

by_options=$(made options "" -colorspace bt709 -color_primaries bt709 -color_trc bt709)
by_filter=$(made filter ,setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709)
echo "by the encoder's options: $by_options (matrix/primaries/transfer)"
echo "by the filter setparams: $by_filter"
[ "$by_options" = "bt709/unknown/unknown" ] || { echo "the options are written now"; exit 1; }
[ "$by_filter" = "bt709" ] || { echo "the filter behaves otherwise"; exit 1; }
echo "as described"
