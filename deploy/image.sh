#!/bin/sh
# What the RUN lines of the Dockerfile do; tests run the same in an empty folder.
#
#   image.sh install PLACE LOCK      an environment at PLACE: deploy/locks/LOCK.txt, each file's hash
#                                    checked, and this project, built with deploy/locks/build.txt
#   image.sh home DIRECTORY... USER  directories that belong to the user whom the container runs as
#   image.sh compiler                what Triton makes a card's kernels with (in a worker alone)
#   image.sh check PLACE             the program starts, and has what the bot needs; as that user
#
# A failure is one sentence and exit code 2.
set -eu

python=${PYTHON:-python3}

fail() {
    echo "image.sh: $1" >&2
    exit 2
}

source_only=nkeys # which PyPI has no wheel of

pip_locked() { # ENVIRONMENT WORD... LOCK; pip is the one of $place
    environment=$1
    shift
    "$place/bin/python" -m pip --python "$environment/bin/python" "$@" \
        --quiet --disable-pip-version-check --retries 2 --require-hashes
}

# the entry of a package in a lock, or with "rest" all others
entry() { # NAME LOCK [rest]
    awk -v name="$1" -v rest="${3:+1}" '
        index($0, name "==") == 1 { inside = 1 }
        inside != rest + 0 { print }
        !/\\$/ { inside = 0 }' "$2"
}

install() { # PLACE LOCK
    lock=deploy/locks/$2.txt
    [ -f "$lock" ] || fail "there is no $lock here; run this where pyproject.toml is."
    [ ! -e "$1" ] || fail "$1 is there already; name another place."
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "$python is older than 3.11; name another by PYTHON."
    place=$1
    made=$(mktemp -d)
    trap 'rm -rf "$made" ${unfinished:+"$unfinished"}' EXIT
    unfinished=$place # a second try would find something there
    entry $source_only "$lock" >"$made/source.txt"
    entry $source_only "$lock" rest >"$made/wheels.txt"

    "$python" -m venv "$place"
    # wheels, of what has none; nothing comes from the index but by its hash
    "$python" -m venv --without-pip "$made/build"
    pip_locked "$made/build" install --only-binary :all: --requirement deploy/locks/build.txt
    "$made/build/bin/python" -m hatchling build --target wheel --directory "$made/dist" >&2
    [ ! -s "$made/source.txt" ] ||
        pip_locked "$made/build" wheel --no-deps --no-build-isolation \
            --wheel-dir "$made/dist" --requirement "$made/source.txt"

    pip_locked "$place" install --only-binary :all: --no-deps --requirement "$made/wheels.txt"
    "$place/bin/python" -m pip install --quiet --disable-pip-version-check --no-index --no-deps \
        "$made"/dist/*.whl
    "$place/bin/python" -m pip check --disable-pip-version-check >&2 ||
        fail "the lock is incomplete."
    unfinished=
}

home() { # DIRECTORY... USER
    for user; do :; done
    while [ $# -gt 1 ]; do
        mkdir -p "$1"
        chmod 750 "$1"
        [ "$(id -u)" != 0 ] || chown "$user:$user" "$1"
        shift
    done
}

compiler() {
    apt-get update --quiet=2
    apt-get install --quiet=2 --yes --no-install-recommends gcc libc6-dev
    rm -rf /var/lib/apt/lists/*
}

check() { # PLACE
    "$1/bin/hotshot-bot" --version || fail "hotshot-bot doesn't start."
    # there is no token yet, so doctor has something to be mended
    said=$("$1/bin/hotshot-bot" doctor 2>&1) || [ $? = 1 ] || fail "doctor doesn't start: $said"
    for subject in packages "data directory" database; do
        echo "$said" | grep -q "^ok   $subject: " ||
            fail "doctor finds something wrong with $subject: $said"
    done
}

word=${1:-}
[ $# = 0 ] || shift
case "$word:$#" in
install:2) install "$1" "$2" ;;
home:[2-9]) home "$@" ;;
compiler:0) compiler ;;
check:1) check "$1" ;;
*) fail "install PLACE LOCK, home DIRECTORY... USER, compiler or check PLACE is expected." ;;
esac
