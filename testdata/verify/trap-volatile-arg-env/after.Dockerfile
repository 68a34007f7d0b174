FROM alpine:3.20
RUN env | grep -c COM > /environment || true
ARG GIT_COMMIT=0123abc
RUN echo "$GIT_COMMIT" > /commit
