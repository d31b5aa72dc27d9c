/* Words of a running task to its HTCondor job. SPDX-License-Identifier: MIT
 *
 * Attributes of the job that condor_q shows, set through the condor_chirp tool; elsewhere than in a
 * job that may use it (+WantIOProxy) nothing happens. Never fails, and never waits long: it is
 * news, not work, and the tool waits for an access point that may be gone. One thread at a time. */
#ifndef TL_CHIRP_H
#define TL_CHIRP_H

/* A text attribute. `late`: with the next update of the job (the name must begin with Chirp), which
 * costs the access point less, and is not waited for: it is left out while the one before is still
 * on its way. Else now, for at most ten seconds. */
void tl_chirp(const char *name, const char *value, int late);

#endif
