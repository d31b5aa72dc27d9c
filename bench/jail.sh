#!/bin/sh
# What the jail costs. SPDX-License-Identifier: MIT
exec "${BUILD:-build/release}/bench/jail"
