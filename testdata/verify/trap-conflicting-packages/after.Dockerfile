FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends busybox-static busybox && rm -rf /var/lib/apt/lists/*
