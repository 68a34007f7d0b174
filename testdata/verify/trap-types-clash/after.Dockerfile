FROM alpine:3.20
RUN mkdir /srv/www
