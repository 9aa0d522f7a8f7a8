#!/usr/bin/env bash
# Install the lock and this package into a Python environment, or run another command of pip on the lock:
#   envs/pip_lock.sh PYTHON                               called by `make env`, conda and the container
#   envs/pip_lock.sh PYTHON wheel --wheel-dir FOLDER      called by `make wheels`
# Environment variables:
#   TORCH    pip options that take torch from another index; empty: torch of the lock, with CUDA on Linux
#   WHEELS   a folder made by `make wheels`, used instead of the network
#   UV       path of uv; empty: use pip
#   PESQ     1: fail if PESQ cannot be built
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1
shift
[ $# -gt 0 ] || set -- install
command=("$@")

if [ -n "${WHEELS-}" ]; then
    export PIP_NO_INDEX=1 PIP_FIND_LINKS="$PWD/$WHEELS"
    [ "${WHEELS#/}" = "$WHEELS" ] || export PIP_FIND_LINKS=$WHEELS
    UV=
fi

pip() {
    if [ -n "${UV-}" ] && [ "${command[0]}" = install ]; then
        # by default uv takes a package from the first index that has it, even if it lacks the required version
        "$UV" pip install --python "$python" --index-strategy unsafe-best-match "$@"
    else
        "$python" -m pip "${command[@]}" "$@"
    fi
}

# --no-deps: two codec packages pin versions that conflict with all others, and the lock is complete
lock=(--no-deps --requirement envs/requirements.txt)
# a package that may have to be built comes first, because the build may fail
compiled=$(grep '^immutables==' envs/requirements.txt)
if ! pip --no-deps "$compiled"; then
    echo "make env: $compiled cannot be installed: see above. Without a wheel for this Python" \
        "($("$python" --version)), install a C compiler and Python's headers, or try make env PYTHON=python3.13" >&2
    exit 1
fi
if [ -n "${TORCH-}" ]; then
    # shellcheck disable=SC2086 # options, several words
    pip $TORCH --constraint envs/requirements.txt torch torchaudio
    # shellcheck disable=SC2086
    pip $TORCH "${lock[@]}"
else
    pip "${lock[@]}" --requirement envs/cuda.txt
fi
# the container has no checkout
if [ "${command[0]}" = install ] && [ -e pyproject.toml ]; then
    pip --no-deps --no-build-isolation --editable .
fi
if ! log=$(pip --no-deps --requirement envs/pesq.txt 2>&1); then
    if [ "${PESQ-}" = 1 ]; then
        printf '%s\n' "$log" >&2
        exit 1
    fi
    echo "PESQ cannot be built here (it needs a C compiler and Python's headers): its columns stay empty." \
        "To try again: make env PESQ=1" >&2
fi
