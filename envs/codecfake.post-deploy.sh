#!/usr/bin/env bash
# The packages of the environment that codecfake.yaml begins. Snakemake makes it anew if this file changes, and so
# this file names the lock; SHA-256 of requirements.txt:
# 4851b16a64f1e90611ac70d50ab1d6bb66c3bace23195de98bf1b0415f5f9b08
set -euo pipefail
pip install --no-deps --requirement envs/requirements.txt --editable .
