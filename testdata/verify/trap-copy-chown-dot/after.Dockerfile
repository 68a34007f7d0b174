FROM alpine:3.20 AS build
RUN mkdir -p /out/lib && yes shale | head -c 1000000 > /out/lib/data

FROM alpine:3.20
RUN echo 'app:x:1000:1000::/srv:/bin/sh' >> /etc/passwd && echo 'app:x:1000:' >> /etc/group
COPY --chown=app.app --from=build /out /srv/app
