#!/bin/sh
# Makes an environment, for make: `tools/environment.sh PYTHON EXTRA [DIRECTORY [CONSTRAINTS]]`; .venv
# and constraints.txt, whose exact versions it gets, if none are named. EXTRA is generator, or dev,
# which includes it and is added to an environment that has it.
# What goes wrong is one sentence and exit code 2; an environment that was only begun is taken away.
set -u

python=${1:-python3}
extra=${2:-dev}
venv=${3:-.venv}
constraints=${4:-constraints.txt}
set --
room=2500 # MB that the environment and what pip unpacks on the way may take
log=out/environment.log
lock=out/environment.lock
is_new=no
has_lock=no
has_first=no # whether there is an environment already, of this Python, to take from

fail() {
    echo "The environment $venv can't be made: $1" >&2
    exit 2
}

leave() {
    if [ "$has_lock" = yes ]; then rm -f "$lock"; fi
    if [ "$is_new" = yes ] && ! is_ready; then rm -rf "$venv"; fi
}

# whether anything was installed there to the end
is_ready() { [ -f "$venv/ready-generator" ] || [ -f "$venv/ready" ]; }

check_python() {
    command -v "$python" >/dev/null 2>&1 ||
        fail "there is no $python here; install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3 demo"
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) ||
        fail "$python doesn't run; name another Python, 3.11 or newer: make PYTHON=/path/to/python3 demo"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        fail "$python is Python $version, and 3.11 or newer is needed; name such a one: make PYTHON=/path/to/python3 demo"
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$python has no venv module; install it (on Debian and Ubuntu: sudo apt install python$version-venv)."
}

check_place() {
    if [ -e out ] && [ ! -d out ]; then
        fail "$(pwd)/out is a file, and what make makes goes into a directory of that name; move it away."
    elif [ -e "$venv" ] && [ ! -d "$venv" ]; then
        fail "$(pwd)/$venv is a file; move it away."
    fi
    # not ":", whose redirections end the whole script where they fail
    mkdir -p out 2>/dev/null && true 2>/dev/null >>"$log" ||
        fail "$(pwd)/out can't be written; use a copy of Hotshot in a directory of your own."
    free=$(df -Pm . | awk 'NR == 2 { print $4 }')
    is_ready || [ "$free" -ge "$room" ] ||
        fail "the disk of $(pwd) has $free MB left, and $room are needed; make room, or use another disk."
}

take_lock() {
    if (set -C && echo $$ >"$lock") 2>/dev/null; then return; fi
    holder=$(cat "$lock" 2>/dev/null)
    if [ -n "$holder" ] && kill -0 "$holder" 2>/dev/null; then
        fail "another make (process $holder) is at it just now; wait until it is done."
    fi
    echo $$ >"$lock"
}

# by the first one's pip where this is the second environment of a clone
install() {
    set -- install --disable-pip-version-check --quiet "$@"
    if [ "$has_first" = yes ]; then
        .venv/bin/python -m pip --python "$venv/bin/python" "$@" >>"$log" 2>&1 || explain
    else
        "$venv/bin/python" -m pip "$@" >>"$log" 2>&1 || explain
    fi
}

version() { "$1" -c 'import sys; print(sys.version)'; }

is_second() {
    [ "$venv" != .venv ] && [ -f .venv/ready ] &&
        [ "$(version .venv/bin/python)" = "$(version "$python")" ]
}

# what the second environment needs of the first one in the same version
link_packages() {
    site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    .venv/bin/python -m tools.linked_packages "$site" "$constraints" >>"$log" 2>&1 || explain
}

explain() {
    if grep -q "No space left on device" "$log"; then
        fail "the disk is full; make room (about $room MB, and as much for TMPDIR), then run make again."
    elif grep -qE "NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError|Connection (refused|broken|aborted|reset)|unreachable" "$log"; then
        fail "the package index can't be reached; connect to the network, or name an index by PIP_INDEX_URL, then run make again (pip's words are in $log)."
    fi
    said=$(grep -iE "^error: " "$log" | tail -n 1)
    fail "what went wrong is in $log${said:+: ${said#*: }}"
}

trap leave EXIT
trap 'echo "Stopped; the next make starts over." >&2; exit 130' INT TERM HUP
check_python
check_place
take_lock
has_lock=yes
true >"$log"
[ -d "$venv" ] || is_new=yes
# one that was begun, or whose Python has gone since, can't be mended in its place
"$venv/bin/python" -c "" 2>/dev/null || set -- --clear
echo "Making the environment $venv ($extra); the first time, that takes a few minutes."
if is_second; then
    has_first=yes
    "$python" -m venv --without-pip "$@" "$venv" >>"$log" 2>&1 || explain
    link_packages
else
    "$python" -m venv "$@" "$venv" >>"$log" 2>&1 || explain
    # a small package first: whether there is a network shows at once
    install --retries 1 --no-deps --constraint "$constraints" einops
    install --upgrade "pip>=25"
fi
install --constraint "$constraints" --editable ".[$extra]"
touch "$venv/ready-generator"
if [ "$extra" = dev ]; then touch "$venv/ready"; fi
