#!/usr/bin/env bash
# Installs the packages of the lock into the environment of codecfake.yaml. Snakemake recreates the environment only if
# one of these two files changes, so this file has the SHA-256 of the concatenated requirements.txt, cuda.txt, pesq.txt:
# 5ebeee8ed8d645a0bdca06befb16b3f7ab1d7c8a7538d096ae1efcd4d8b3e8d2
set -euo pipefail
cd "${CODECFAKE_CHECKOUT:?set by the Snakefile}"
UV= envs/pip_lock.sh "$(command -v python)"
