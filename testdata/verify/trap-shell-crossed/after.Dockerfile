FROM alpine:3.20
RUN echo $0 > /srv/first && echo $0 > /srv/state
SHELL ["/bin/ash", "-c"]
