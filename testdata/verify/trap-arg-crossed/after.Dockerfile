FROM alpine:3.20
ARG MODE=fast
RUN echo "${MODE:-none}" > /srv/a && echo "${MODE:-none}" > /srv/b
