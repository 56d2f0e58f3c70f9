"""Serves a folder as a hub on loopback, fetches it with coe, and reads the cache with huggingface_hub: hub.py COE MODEL HOME."""

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

coe, model, home = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
files = {path.name: path.read_bytes() for path in model.iterdir() if path.is_file()}
packed = {"tiny-Q4_K_M.gguf": b"GGUF" + b"a" * 1000, "tiny-Q8_0.gguf": b"GGUF" + b"b" * 2000}
repositories = {"org/tiny": files | {"pytorch_model.bin": b"not wanted"}, "org/tiny-GGUF": packed}
asked = []
spoilt = set()


class Hub(BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append(self.path)
        if self.headers.get("Authorization") != "Bearer secret":
            return self.answer(401, b"{}")
        parts = self.path.strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            held = repositories.get("/".join(parts[2:4]))
            if held is None:
                return self.answer(404, b"{}")
            listing = {"sha": COMMIT, "siblings": [{"rfilename": name} for name in held]}
            return self.answer(200, json.dumps(listing).encode())
        data = repositories["/".join(parts[:2])][parts[4]]
        tag = hashlib.sha256(data).hexdigest()
        if parts[4] in spoilt:
            data = b"x" + data[1:]
        self.answer(200, data, ETag=f'"{tag}"')

    def answer(self, status, data, **headers):
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(data))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
threading.Thread(target=server.serve_forever, daemon=True).start()
environment = os.environ | {
    "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HOME": home, "HF_TOKEN": "secret",
}
for name in ("HF_HUB_CACHE", "XDG_CACHE_HOME"):
    environment.pop(name, None)


def fetch(name, code=0):
    done = subprocess.run([coe, "models", "fetch", name], env=environment, capture_output=True, text=True)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout.strip() if code == 0 else done.stderr


# A whole model: what it needs and no other format of the same weights.
folder = pathlib.Path(fetch("hf:org/tiny"))
assert {path.name for path in folder.iterdir()} == {n for n in files if n.endswith((".json", ".safetensors"))}
for path in folder.iterdir():
    assert path.is_symlink() and path.read_bytes() == files[path.name], path
assert not any("pytorch_model" in path for path in asked)
before = len(asked)
fetch("hf:org/tiny")
assert len(asked) == before + 1, "files were fetched twice"

# One file of several.
assert pathlib.Path(fetch("hf:org/tiny-GGUF:q8_0")).read_bytes() == packed["tiny-Q8_0.gguf"]
assert fetch("hf:org/tiny-GGUF").endswith("tiny-Q4_K_M.gguf")
assert "Q4_K_M" in fetch("hf:org/tiny-GGUF:tiny", code=2)

# Refusals.
assert "404" in fetch("hf:org/none", code=2)
assert "hf:ORG/NAME" in fetch("nothing", code=64)
repositories["org/spoilt"] = {"spoilt-Q4_K_M.gguf": b"GGUF" + b"c" * 100}
spoilt.add("spoilt-Q4_K_M.gguf")
assert "nothing was kept" in fetch("hf:org/spoilt", code=2)
assert not list(pathlib.Path(home).rglob("*.incomplete"))

# The hub's own client reads the same cache, without a network.
os.environ |= {"HF_HOME": home, "HF_HUB_OFFLINE": "1"}
from huggingface_hub import scan_cache_dir, snapshot_download, try_to_load_from_cache  # noqa: E402

cache = pathlib.Path(home) / "hub"
assert pathlib.Path(snapshot_download("org/tiny", cache_dir=cache, local_files_only=True)) == folder
assert try_to_load_from_cache("org/tiny-GGUF", "tiny-Q8_0.gguf", cache_dir=cache)
scanned = scan_cache_dir(cache)
assert not scanned.warnings, scanned.warnings
print("the hub works")
