FROM alpine:3.20
RUN mkdir /data && ln -s /data /site
COPY --link index.html /site/index.html
