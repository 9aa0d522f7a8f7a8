#!/usr/bin/env bash
# The packages of the environment that codecfake.yaml begins. Snakemake makes it anew if this file changes, and so
# this file names the lock; SHA-256 of requirements.txt:
# 47e0d0b974f2aec0c310b7e12a29de203088abffb8bf2b9ef6c2d306c1a35aa1
set -euo pipefail
pip install --no-deps --requirement envs/requirements.txt --editable .
