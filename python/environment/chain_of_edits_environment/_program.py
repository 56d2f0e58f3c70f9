# SPDX-License-Identifier: Apache-2.0
"""The command `coe-environment`: becomes the program, so signals and exit codes are its own."""

import os
import sys

from .server import ServerError, binary


def main() -> None:
    try:
        program = str(binary())
    except ServerError as error:
        sys.exit(f"Error: {error}")
    os.execv(program, ["coe-environment", *sys.argv[1:]])
