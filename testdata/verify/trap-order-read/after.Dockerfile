FROM alpine:3.20
RUN mkdir -p /srv && find /srv -name 'a*f' > /srv/list
COPY app.conf /srv/conf/app.conf
