# One image with every program of Chimera: chimera, chimera-api, query_agent, data_retrieval_agent, analysis_agent.
# The command of a container says which of them runs; without one it is `chimera up`, with everything embedded:
#
#   docker build -t chimera:0.1.0 .
#   docker run --rm -p 127.0.0.1:8080:8080 chimera:0.1.0
#
# It builds with BuildKit and with the builder before it (DOCKER_BUILDKIT=0), which has no cache mounts. What stands in
# for them is a layer with all dependencies, built from the manifests alone: an edit of a source leaves it as it is.

FROM rust:1.95-slim-trixie AS rust
WORKDIR /chimera

# The manifests, and an empty file for the root of each target: all that Cargo must see to build the dependencies.
FROM rust AS manifests
COPY . .
RUN find . -type f -path '*/src/*' ! -path '*/src/lib.rs' ! -path '*/src/main.rs' -delete \
    && find . -type f ! -path '*/src/*' ! -name Cargo.toml ! -name Cargo.lock ! -name main.rs \
        ! -regex '.*/\(benches\|examples\|tests\)/[^/]*\.rs' -delete \
    && find . -type d -empty -delete \
    && find . -name '*.rs' | while read -r file; do echo 'fn main() {}' >"$file"; done

FROM rust AS build
# Names of functions in a backtrace would be a quarter of the size.
ENV CARGO_PROFILE_RELEASE_STRIP=symbols
ARG PROGRAMS="-p chimera-cli -p chimera-api -p chimera-query -p chimera-retrieval -p chimera-analysis"
COPY --from=manifests /chimera .
# Cargo goes by times of modification, and an empty source here may be younger than a real one: so it has to forget that it
# built ours.
RUN cargo build --release --locked $PROGRAMS \
    && rm -rf target/release/.fingerprint/chimera-*
COPY config config
COPY bus bus
COPY traces traces
COPY shared shared
COPY agents agents
COPY cli cli
RUN cargo build --release --locked $PROGRAMS

FROM debian:trixie-slim
LABEL org.opencontainers.image.title="Chimera" \
      org.opencontainers.image.description="Agents on a message bus, and one trace for each question they answer" \
      org.opencontainers.image.licenses="Apache-2.0"
# A number rather than a name, so that Kubernetes can see that it is not root.
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/chimera --no-create-home chimera \
    && install -d -m 0700 -o chimera -g chimera /var/lib/chimera
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build \
    /chimera/target/release/chimera \
    /chimera/target/release/chimera-api \
    /chimera/target/release/query_agent \
    /chimera/target/release/data_retrieval_agent \
    /chimera/target/release/analysis_agent \
    /usr/local/bin/
USER 10001:10001
WORKDIR /var/lib/chimera
# The loopback of a container is nobody else's: what is published decides who reaches it.
# The stack, in bytes, is for the RabbitMQ client's reader of headers, see SECURITY.md; memory that is not used costs nothing.
ENV CHIMERA__DATA_DIR=/var/lib/chimera \
    CHIMERA__API__LISTEN=0.0.0.0:8080 \
    RUST_MIN_STACK=67108864
EXPOSE 8080
CMD ["chimera", "up"]
