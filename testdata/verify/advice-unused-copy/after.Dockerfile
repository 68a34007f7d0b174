FROM alpine:3.20 AS build
WORKDIR /build/unused
COPY main.txt ./
RUN wc -c main.txt > size

FROM alpine:3.20
COPY --from=build /build/unused/size /srv/size
