#!/bin/sh
# The memory test with the larger pictures. SPDX-License-Identifier: MIT
# test-timeout: 1800
TELLUA_BIG=1 exec /usr/bin/python3 tests/cli/memory.t
