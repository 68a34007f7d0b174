FROM alpine:3.20
ENV HOME_DIR=$HOME/app OPTS="-a  -b"
RUN echo "$HOME_DIR" > /srv/a
