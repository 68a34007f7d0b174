FROM alpine:3.20
RUN touch /srv/a # make a \
    && touch /srv/b
