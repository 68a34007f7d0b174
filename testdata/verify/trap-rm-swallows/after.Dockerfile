FROM alpine:3.20
RUN cat /srv/missing; rm -rf /var/cache/apk/*
