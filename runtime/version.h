/* The version of this program, from VERSION and git. SPDX-License-Identifier: MIT */
#ifndef TL_VERSION_H
#define TL_VERSION_H

const char *tl_version(void);

#endif
