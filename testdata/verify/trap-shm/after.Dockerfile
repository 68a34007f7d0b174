FROM alpine:3.20
RUN touch /dev/shm/flag && { test -e /dev/shm/flag || touch /srv/clean; }
