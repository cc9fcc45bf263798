# Sourced by the scripts: where things are, what must be installed, how to build. Needs root only to install.
# shellcheck shell=bash disable=SC2034
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export root
PYTHON=/usr/bin/python3
export PYTHON

build_packages=(build-essential cmake ninja-build pkg-config libzmq3-dev libczmq-dev libhiredis-dev libconfig-dev
    libcunit1-dev libprotobuf-c-dev protobuf-c-compiler libroaring-dev libsodium-dev libmicrohttpd-dev libjansson-dev
    libcsv-dev libcurl4-openssl-dev libsystemd-dev libutf8proc-dev libgmime-3.0-dev libgnutls28-dev libxml2-dev
    redis-server openssl python3 tzdata ca-certificates)
test_packages=(python3-zmq python3-protobuf protobuf-compiler postfix nginx chromium fonts-noto-cjk)
bench_packages=(beanstalkd postfix python3-celery python3-redis kannel nginx wrk)
fuzz_packages=(clang-14 libclang-rt-14-dev)
check_packages=(file clang-format-14 clang-tidy-14 cppcheck shellcheck universal-ctags)

say() { printf '%s\n' "$*" >&2; }
die() { say "$(basename "$0"): $*"; exit 1; }

# need_packages NAME...: installs those that are missing; starts no service on the way.
need_packages() {
    local missing=() name
    for name in "$@"; do
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    [ "$(id -u)" = 0 ] || die "these packages are missing, and only root can install them: ${missing[*]}"
    say "installing: ${missing[*]}"
    mkdir -p "$root/build"
    local log="$root/build/install.log"
    (
        flock 9
        export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
        echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections 2>/dev/null || true
        apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"
    ) 9>"$root/build/install.lock" >"$log" 2>&1 || { tail -20 "$log" >&2; die "installation failed ($log)"; }
}

# build_preset NAME: configures and builds one of CMakePresets.json.
build_preset() {
    local log="$root/build/$1.log"
    mkdir -p "$root/build"
    (
        flock 9
        cd "$root" || exit 1
        [ -f "build/$1/build.ninja" ] || cmake --preset "$1" || exit 1
        cmake --build --preset "$1"
    ) 9>"$root/build/$1.lock" >"$log" 2>&1 || { tail -40 "$log" >&2; die "the build failed ($log)"; }
}

# need_npm FOLDER: Node.js and the packages that its package-lock.json pins.
need_npm() {
    command -v npm >/dev/null || need_packages nodejs npm
    [ "$1/node_modules/.package-lock.json" -nt "$1/package-lock.json" ] && return 0
    (cd "$1" && npm ci --no-audit --no-fund --ignore-scripts) >"$root/build/npm.log" 2>&1 || die "npm ci failed ($root/build/npm.log)"
}

# sanitizer_options: what programs of the presets asan and tsan are told. Leaks of libraries' own start-up are not ours.
sanitizer_options() {
    export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
    export LSAN_OPTIONS="suppressions=$root/tests/support/lsan.supp:print_suppressions=0"
    export TSAN_OPTIONS="suppressions=$root/tests/support/tsan.supp:halt_on_error=1:exitcode=66"
}
# ThreadSanitizer of gcc 12 does not start where addresses are more random than it expects.
tsan_launcher() { if setarch -R true 2>/dev/null; then echo setarch -R; fi; }
