FROM alpine:3.20
COPY --chown=nobody:users app/manifest /srv/app/
COPY app /srv/app
