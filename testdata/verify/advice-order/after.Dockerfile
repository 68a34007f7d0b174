FROM alpine:3.20
RUN mkdir -p /opt && wget -q -O - http://files.shale.test/tool-1.2.tar.gz | tar -xzf - -C /opt
COPY app.conf /srv/order/app.conf
CMD ["/opt/tool/bin/tool", "/srv/order/app.conf"]
