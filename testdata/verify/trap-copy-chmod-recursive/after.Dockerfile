FROM alpine:3.20
COPY --chmod=755 site /srv/site
