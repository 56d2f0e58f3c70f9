# The environment server alone: no libtorch, no model.
#   docker build -t chain-of-edits . && docker run -p 127.0.0.1:8000:8000 -e COE_TOKEN=… --security-opt … chain-of-edits
# The jail around the programs is made by bubblewrap, which needs user namespaces inside the container: give it
#   --security-opt seccomp=unconfined --security-opt apparmor=unconfined  (or --privileged)
FROM swift:6.2-bookworm AS build
WORKDIR /source
COPY . .
RUN swift build -c release --product coe-environment --static-swift-stdlib \
    && install -s .build/release/coe-environment /usr/local/bin/

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 bubblewrap libseccomp2 gzip \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /usr/local/bin/coe-environment /usr/local/bin/
EXPOSE 8000
# Beyond loopback a token is needed: COE_TOKEN, at least 16 characters.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=2)"]
ENTRYPOINT ["coe-environment"]
CMD ["--host", "0.0.0.0", "--port", "8000"]
