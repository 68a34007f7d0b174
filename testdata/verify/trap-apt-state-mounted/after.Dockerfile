FROM debian:bookworm-slim
RUN --mount=type=cache,id=apt-state,target=/var/lib/apt apt-get update && apt-get install -y --no-install-recommends jq && rm -rf /var/lib/apt/lists/*
RUN apt-get purge -y --auto-remove jq
