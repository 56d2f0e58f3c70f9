# The environment server alone: no libtorch, no model.
#   docker build -t chain-of-edits . && docker run -p 127.0.0.1:8000:8000 -e COE_TOKEN=… --security-opt … chain-of-edits
# The jail around the programs is made by bubblewrap, which needs user namespaces inside the container: give it
#   --security-opt seccomp=unconfined --security-opt apparmor=unconfined  (or --privileged)
# The binary is that of the Debian package; where dist/ holds one already (scripts/wheels deb), it is taken as it is.
FROM swift:6.2-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv zlib1g-dev binutils \
    && rm -rf /var/lib/apt/lists/*
# What `coe-environment --version` names: --build-arg COE_COMMIT=$(git rev-parse --short=10 HEAD)
ARG COE_COMMIT=unknown
ENV COE_COMMIT=$COE_COMMIT
WORKDIR /source
COPY . .
RUN ls dist/*.deb 2>/dev/null || scripts/wheels deb

FROM debian:bookworm-slim
COPY --from=build /source/dist/*.deb /tmp/
RUN apt-get update \
    && apt-get install -y --no-install-recommends /tmp/*.deb \
    && rm -rf /var/lib/apt/lists/* /tmp/*.deb
EXPOSE 8000
# Beyond loopback a token is needed: COE_TOKEN, at least 16 characters.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=2)"]
ENTRYPOINT ["coe-environment"]
CMD ["--host", "0.0.0.0", "--port", "8000"]
