FROM alpine:3.20
RUN umask 077 && touch /srv/key && mkdir /srv/public && touch /srv/index
