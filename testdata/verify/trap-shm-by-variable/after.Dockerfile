FROM alpine:3.20
ENV WORK=/dev/shm
RUN wget -q -O /opt/tool http://files.shale.test/tool-1.2.tar.gz && touch $WORK/flag \
    && chmod 755 /opt/tool && ( test -e $WORK/flag || touch /srv/clean )
