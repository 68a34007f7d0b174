FROM alpine:3.20
RUN printf '#!/bin/sh\necho tool\n' > /usr/bin/tool && chmod +x /usr/bin/tool && tool && mv /usr/bin/tool /usr/sbin/tool && tool > /srv/out
