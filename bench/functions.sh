#!/bin/sh
# Users' functions: the compiled program beside the Lua VM, numpy and numexpr, on one core.
# SPDX-License-Identifier: MIT
set -eu
OMP_NUM_THREADS=1 exec /usr/bin/python3 "$(dirname "$0")/functions.py"
