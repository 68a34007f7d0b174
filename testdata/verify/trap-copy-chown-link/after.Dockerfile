FROM alpine:3.20 AS build
RUN mkdir /out && echo 1.2 > /out/version && ln -s /etc/motd /out/motd

FROM alpine:3.20
RUN echo hello > /etc/motd
COPY --from=build --chown=1000:1000 /out /srv/out
