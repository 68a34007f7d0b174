FROM golang:1.26-alpine
ENV GONOSUMDB=*
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
