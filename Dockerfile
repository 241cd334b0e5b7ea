# One image for every part of Tiffin: `tiffin run --target=...` says which.
FROM golang:1.26-alpine AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /tiffin ./cmd/tiffin
RUN mkdir -p /data/spool

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /tiffin /usr/local/bin/tiffin
# What the APIs have accepted and Kafka does not have yet. A volume goes here: it must outlive the container.
COPY --from=build --chown=nonroot:nonroot /data /var/lib/tiffin
ENV TIFFIN_SPOOL_DIR=/var/lib/tiffin/spool TIFFIN_API_ADDR=:8080 TIFFIN_OPS_ADDR=:8080
EXPOSE 8080
ENTRYPOINT ["tiffin"]
