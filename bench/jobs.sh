#!/bin/sh
# Whole jobs on full-size pictures beside other programs and the floor: see jobs.py. SPDX-License-Identifier: MIT
exec /usr/bin/python3 "$(dirname "$0")/jobs.py" "$@"
