FROM debian:bookworm-slim
RUN set -o pipefail && echo one | tr o 0 > /srv/a
