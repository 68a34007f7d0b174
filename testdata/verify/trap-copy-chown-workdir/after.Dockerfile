FROM alpine:3.20
WORKDIR /app
COPY --chown=1000:1000 src .
