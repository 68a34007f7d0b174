FROM debian:bookworm-slim
WORKDIR /srv/work
RUN echo one > one && tar --remove-files -cf - /srv/work > /dev/null \
    && ( touch two || touch /opt/lost )
