FROM alpine:3.20
RUN set -e; test -e /srv/missing && touch /srv/found; touch /srv/b
