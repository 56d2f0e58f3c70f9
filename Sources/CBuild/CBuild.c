#include "CBuild.h"

// A C file of its own, so that a new commit compiles nothing else anew.
#ifndef COE_COMMIT
#define COE_COMMIT "unknown"
#endif

const char *coe_build_commit(void) { return COE_COMMIT; }
