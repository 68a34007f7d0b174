FROM alpine:3.20
WORKDIR /srv
RUN cd /opt && touch there && touch here
