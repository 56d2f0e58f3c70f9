#pragma once

/// The commit that was built, as git abbreviates it, with a plus sign where files were changed; "unknown" outside git.
const char *coe_build_commit(void);
