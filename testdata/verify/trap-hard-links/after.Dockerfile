FROM alpine:3.20
RUN echo 1 > /srv/a && ln /srv/a /srv/b && echo 2 >> /srv/a
