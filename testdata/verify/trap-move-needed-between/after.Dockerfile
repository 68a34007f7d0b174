FROM alpine:3.20
RUN wget -q -O /tmp/tool.tar.gz http://files.shale.test/tool-1.2.tar.gz && rm /tmp/tool.tar.gz
WORKDIR /opt
RUN tar -xzf /tmp/tool.tar.gz
