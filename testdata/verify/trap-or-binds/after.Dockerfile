FROM alpine:3.20
RUN test -e /etc/passwd || touch /srv/a && false || touch /srv/c && touch /srv/d
