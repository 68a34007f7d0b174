FROM alpine:3.20
RUN export MODE=fast && echo "$MODE" > /srv/a && echo "${MODE:-none}" > /srv/b
