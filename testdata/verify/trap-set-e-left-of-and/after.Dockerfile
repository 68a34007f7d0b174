FROM alpine:3.20
RUN ( set -e; cat /srv/missing; touch /srv/a ) && ( touch /srv/b )
