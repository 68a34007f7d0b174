FROM alpine:3.20
COPY tool.tar /opt/
