FROM alpine:3.20
RUN mkdir /srv/data && touch /srv/data/.hidden /srv/data/seen
RUN rm -rf /srv/data/*
