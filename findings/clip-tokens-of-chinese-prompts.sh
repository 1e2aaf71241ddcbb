#!/usr/bin/env bash
# The same SDXL prompt is other tokens in transformers 5 than in 4, where it has Han letters.
#
# Pipelines saved for SDXL name the class CLIPTokenizer. In transformers 4 (without ftfy, as most
# installations are) it took Han apart letter by letter, dropped signs that nobody sees and lowered
# a word's last sigma; in transformers 5 the class of that name is another one, which does neither.
# So the same checkpoint, seed and prompt make another picture after an upgrade, without a word.
# Plain English comes out alike.
#
# Prints versions and what was seen; exits with an error if that has changed. Needs Python 3.11 or
# older, for which the old tokenizers has wheels.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/old"
python3 -m venv "$work/new"
"$work/old/bin/pip" install --quiet transformers==4.34.0 tokenizers==0.14.1
"$work/new/bin/pip" install --quiet transformers==5.23.0 tokenizers==0.23.3
# CLIP's vocabulary comes with open_clip_torch.
"$work/new/bin/pip" download --quiet --no-deps --dest "$work" open_clip_torch==3.3.0

cat > "$work/vocabulary.py" <<'PYTHON'
import gzip, json, sys, zipfile
from pathlib import Path

work = Path(sys.argv[1])
wheel = zipfile.ZipFile(next(work.glob("open_clip_torch*.whl")))
text = gzip.decompress(wheel.read("open_clip/bpe_simple_vocab_16e6.txt.gz")).decode()
merges = text.split("\n")[1 : 49152 - 256 - 2 + 1]
printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
others = [byte for byte in range(256) if byte not in printed]
letters = [*map(chr, printed), *(chr(256 + index) for index in range(len(others)))]
words = [*letters, *(f"{letter}</w>" for letter in letters)]
words += ["".join(merge.split()) for merge in merges] + ["<|startoftext|>", "<|endoftext|>"]
folder = work / "tokenizer"
folder.mkdir()
(folder / "vocab.json").write_text(json.dumps({word: at for at, word in enumerate(words)}))
(folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), "utf-8")
PYTHON

cat > "$work/look.py" <<'PYTHON'
import json, sys
from transformers import CLIPTokenizer

prompts = ["a red ball, it's bouncing!", "一只红色的猫", "a\u200bball", "ΣΊΣΥΦΟΣ"]
tokenizer = CLIPTokenizer.from_pretrained(sys.argv[1])
print(json.dumps([tokenizer(prompt).input_ids for prompt in prompts]))
PYTHON

"$work/new/bin/python" "$work/vocabulary.py" "$work"
for version in old new; do
    "$work/$version/bin/python" "$work/look.py" "$work/tokenizer" 2> "$work/said" > "$work/$version.json" \
        || { cat "$work/said"; exit 1; }
done
"$work/old/bin/pip" list 2> /dev/null | grep -E "^(transformers|tokenizers) "
"$work/new/bin/pip" list 2> /dev/null | grep -E "^(transformers|tokenizers) "
python3 - "$work/old.json" "$work/new.json" <<'PYTHON'
import json, sys

old, new = (json.load(open(name)) for name in sys.argv[1:])
same = [one == other for one, other in zip(old, new)]
for what, one, other in zip(("English", "Chinese", "zero width space", "final sigma"), old, new):
    print(f"{what}: {len(one)} tokens before, {len(other)} now", "(alike)" if one == other else "")
    print("  before", one)
    print("  now   ", other)
if same != [True, False, False, False]:
    sys.exit("this has changed")
PYTHON
