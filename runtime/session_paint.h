/* Sessions that a map server runs scripts in. SPDX-License-Identifier: MIT */
#ifndef TL_SESSION_PAINT_H
#define TL_SESSION_PAINT_H

#include "modules/map/map.h"
#include "runtime/tellua.h"

/* A host whose sessions are opened with *o, which must outlive it; any thread. */
tl_map_host tl_session_host(const tellua_options *o);
/* A painter on a session that is open, for the thread it belongs to. */
tl_painter tl_session_painter(tellua *t);

#endif
