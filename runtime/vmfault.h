/* Around a fault of the linked Lua. SPDX-License-Identifier: MIT
 *
 * Lua 5.4.4 as Debian 12 has it uses a freed stack when a __concat makes the stack move (fixed
 * upstream in 603b2c64). For strangers the host's allocator therefore refuses to move a stack while
 * a __concat runs on it, which ends the script for want of memory; and it keeps stacks small, so
 * that looking is cheap. Nothing of this is done with other releases. */
#ifndef TL_VMFAULT_H
#define TL_VMFAULT_H

#include "runtime/host_int.h"

/* Does this Lua have it? */
int tl__vm_concat_fault(void);

/* The next new block of a stack's first size is one. */
void tl__vm_expect_stack(tl_host *h);
/* Asked before a new block that is no object; 1 = it would be a stack that moved. */
int tl__vm_refuses(tl_host *h, size_t size);
/* Told of such new blocks, and of all that are freed. */
void tl__vm_made(tl_host *h, const void *p, size_t size);
void tl__vm_freed(tl_host *h, const void *p);
/* Whether a __concat runs on L. */
int tl__vm_in_concat(lua_State *L);
void tl__vm_free(tl_host *h);

#endif
