FROM alpine:3.20
RUN mkdir -p /tmp/greet && echo 'echo hello' > /tmp/greet/greet && chmod 755 /tmp/greet/greet \
    && mkdir -p /usr/local/bin && ln -s /tmp/greet/greet /usr/local/bin/greet \
    && rm -rf /tmp/greet
RUN greet > /greeting
