"""Puts the native module into the wheel.

The module is an ordinary member of the cargo workspace: it is built with everything else, by cargo,
and packed here. So a wheel of what was tested holds exactly what was tested.

    AIKIT_NATIVE_LIBRARY=path/to/lib_aikit.so    packs this file
    (unset)                                      builds it in release and packs that
"""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent
# The oldest Python whose stable ABI the module uses: `abi3-py310` in Cargo.toml.
PYTHON_TAG = "cp310"


def native_library() -> Path:
    given = os.environ.get("AIKIT_NATIVE_LIBRARY")
    if given:
        return Path(given).resolve()
    root = HERE.parents[1]
    command = ["cargo", "build", "--release", "--workspace", "--locked"]
    subprocess.run(command, cwd=root, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    return target / "release" / "lib_aikit.so"


class NativeModule(BuildHookInterface[Any]):
    """Called by hatchling for every wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel" or version == "editable":
            return
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"{PYTHON_TAG}-abi3-{platform}"
        build_data["force_include"][str(native_library())] = "aikit/_aikit.abi3.so"
