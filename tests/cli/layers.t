#!/bin/sh
# SPDX-License-Identifier: MIT
exec sh tools/check-layers.sh
