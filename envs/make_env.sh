#!/usr/bin/env bash
# Create or update .venv from the lock. Called by `make env` and by every target that needs the environment.
#   PYTHON   the interpreter (default: that of .venv, or python3)
#   TORCH, WHEELS, UV, PESQ   see pip_lock.sh; TORCH defaults to that of the last call, UV to the one on the PATH
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
export UV=${UV-$(command -v uv || true)}
# not the uv of an activated .venv, which may be deleted below
[[ $UV != "$PWD"/.venv/* ]] || UV=

refuse() {
    echo "make env: $*" >&2
    exit 1
}

version() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true
}

# a changed stamp triggers an installation; it includes the folder, because scripts in .venv contain its path
stamp() {
    cat envs/requirements.txt envs/cuda.txt envs/pesq.txt envs/pip_lock.sh envs/make_env.sh pyproject.toml | cksum
    pwd
}

# pip unpacks gigabytes in the temporary folder, and /tmp is small on many machines
fresh_tmp() {
    export TMPDIR=$PWD/.venv/.tmp
    rm -rf "$TMPDIR"
    mkdir -p "$TMPDIR"
}

made_with=$(cat .venv/.torch 2>/dev/null || true)
export TORCH=${TORCH-$made_with}

# another Python or torch requires a new environment
as_asked() {
    [ -n "$(version .venv/bin/python)" ] &&
        { [ -z "${PYTHON-}" ] || [ "$(version "$PYTHON")" = "$(version .venv/bin/python)" ]; } &&
        [ "$TORCH" = "$made_with" ]
}

if as_asked && [ -z "${PESQ-}" ] && [ "$(stamp)" = "$(cat .venv/.installed 2>/dev/null)" ]; then
    exit
fi
if ! as_asked || ! .venv/bin/pip --version &>/dev/null; then
    found=$(version "$python")
    [ -n "$found" ] || refuse "$python: no such Python; name one of 3.11 or newer, e.g. make env PYTHON=python3.12"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        refuse "$python is Python $found; 3.11 or newer is needed, e.g. make env PYTHON=python3.12"
    [ -w . ] || refuse "$PWD cannot be written to; copy the checkout to a folder where you can write"
    # for an activated .venv, the interpreter that created it
    python=$("$python" -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))')
    [ ! -e .venv ] || echo "make env: .venv is replaced" >&2
    rm -rf .venv
    fresh_tmp
    if [ -n "$UV" ] && [ -z "${WHEELS-}" ]; then
        "$UV" venv --quiet --seed --allow-existing --python "$python" .venv || refuse "uv cannot make .venv: see above"
    elif ! "$python" -m venv .venv; then
        rm -rf .venv
        refuse "$python cannot make a virtual environment: install python3-venv (Debian, Ubuntu) or uv"
    fi
    printf %s "$TORCH" >.venv/.torch
fi

fresh_tmp
envs/pip_lock.sh "$PWD/.venv/bin/python" || refuse "stopped: see the messages above. Run it again to continue"
rm -rf "$TMPDIR"
stamp >.venv/.installed
