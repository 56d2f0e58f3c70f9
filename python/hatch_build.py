# SPDX-License-Identifier: Apache-2.0
"""Puts the files that `scripts/wheels` prepared into a wheel: the program, licences, adapters, manual pages."""

import os
import sysconfig
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PreparedFiles(BuildHookInterface):
    def initialize(self, version, build_data):
        if version == "editable":
            return
        prepared = os.environ.get("COE_WHEEL_FILES")
        if not prepared:
            raise RuntimeError("Wheels are made by scripts/wheels, which builds the program first.")
        package = self.metadata.name.replace("-", "_")
        build_data["force_include"][prepared] = package
        if man := os.environ.get("COE_WHEEL_MAN"):
            # Installed into PREFIX/share/man, where man looks for the programs of PREFIX/bin.
            build_data["shared_data"][man] = "share/man/man1"
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-" + sysconfig.get_platform().replace("-", "_").replace(".", "_")
