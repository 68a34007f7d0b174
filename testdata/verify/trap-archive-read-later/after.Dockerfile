FROM alpine:3.20
RUN wget -q -O /tmp/tool.tar.gz http://files.shale.test/tool-1.2.tar.gz \
    && mkdir -p /opt && tar -xzf /tmp/tool.tar.gz -C /opt && rm /tmp/tool.tar.gz
RUN wc -c /tmp/*.gz > /size
