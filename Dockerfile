FROM rust:1.95-slim-bookworm AS build
COPY . /src
RUN cd /src && cargo build --locked --release -p yoi && mkdir -p /new/data /new/workspace
FROM gcr.io/distroless/cc-debian12
COPY --from=build /src/target/release/yoi /usr/local/bin/yoi
COPY --from=build --chown=65534:65534 /new/ /
USER 65534:65534
ENV HOME=/data YOI_LISTEN=:8787 YOI_WORKSPACE=/workspace YOI_STORE=/data/workers.sqlite3
VOLUME ["/data"]
HEALTHCHECK CMD ["yoi", "doctor", "--quiet"]
ENTRYPOINT ["yoi"]
CMD ["serve"]
