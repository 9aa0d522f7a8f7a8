#!/usr/bin/env bash
# The packages of the environment that codecfake.yaml begins. Snakemake makes it anew if this file changes, and so
# this file names the lock; SHA-256 of requirements.txt, cuda.txt and pesq.txt, one after the other:
# a0d6ce5777b80f31bb515c799f8d4e53f79b7a1a3428c3233080a4cda017c804
set -euo pipefail
cd "${CODECFAKE_CHECKOUT:?the Snakefile says where the checkout lies}"
UV= envs/pip_lock.sh "$(command -v python)"
