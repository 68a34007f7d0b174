FROM alpine:3.20
RUN wget -q -O /tmp/tool.tar.gz http://files.shale.test/tool-1.2.tar.gz && tar -xzf /tmp/tool.tar.gz -C /opt && rm -rf /tmp/*
WORKDIR /srv
RUN echo note > /tmp/note && cp /tmp/note /srv/note
