FROM alpine:3.20
RUN wget -q -O /tmp/tool.tar.gz http://files.shale.test/tool-1.2.tar.gz && tar -xzf /tmp/tool.tar.gz -C /opt
COPY app.conf /etc/
RUN tar -tzf /tmp/tool.tar.gz > /srv/list
