FROM alpine:3.20
ADD http://files.shale.test/tool-1.2.tar.gz /
RUN tar -xzf tool-1.2.tar.gz && cp tool/bin/tool /usr/local/bin/
