FROM alpine:3.20
RUN mkdir -m 700 /site
COPY --link index.html /site/index.html
