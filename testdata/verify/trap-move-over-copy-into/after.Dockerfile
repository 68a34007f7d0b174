FROM alpine:3.20
RUN mkdir /build && wget -q -O /build/tool.tar.gz http://files.shale.test/tool-1.2.tar.gz && tar -xzf /build/tool.tar.gz -C /opt && rm -rf /build
COPY app.conf /build/
RUN cp /build/app.conf /etc/app.conf
