FROM alpine:3.20
RUN chmod 0777 /srv && touch /srv/a && touch /srv/b
USER nobody
