FROM alpine:3.20 AS build
RUN mkdir /out && echo 1.2 > /out/tool && chmod 4755 /out/tool

FROM alpine:3.20
COPY --chown=1000:1000 --from=build /out /srv/out
