FROM alpine:3.20
RUN mkdir /srv/a && echo 1 > /srv/a/one \
    && ln /srv/a/one /srv/a/two
