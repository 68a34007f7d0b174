FROM alpine:3.20
RUN wget -q -O /tmp/tool.tar.gz http://files.shale.test/tool-1.2.tar.gz && tar -xzf /tmp/tool.tar.gz -C /opt \
    && rm -f /tmp/tool.tar.gz
COPY app /srv/app
RUN cp /srv/app/latest /srv/tool.tar.gz || touch /srv/lost
