FROM alpine:3.20
RUN wget -q -O - http://files.shale.test/links.tar.gz | tar -xzf - -C /srv
RUN cp -R /srv/pair /opt/pair \
    && chmod 0600 /opt/pair/one
