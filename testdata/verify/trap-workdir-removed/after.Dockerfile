FROM alpine:3.20
WORKDIR /srv/app
RUN touch /srv/log && rm -rf /srv/app && touch here
