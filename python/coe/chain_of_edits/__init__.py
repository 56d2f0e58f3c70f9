# SPDX-License-Identifier: Apache-2.0
"""`coe` for Python: the program, and a function that repairs a file.

    import chain_of_edits
    repair = chain_of_edits.repair("median.py", tests="test_median.py")
    print(repair.diff if repair.repaired else repair.words)

The environment for reinforcement learning is a package of its own: `chain-of-edits-environment`.
"""

from ._program import ProgramMissing, binary
from ._repair import Repair, repair

__all__ = ["ProgramMissing", "Repair", "binary", "repair"]
