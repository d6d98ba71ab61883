# One image for every service; the command is the file that Node runs:
#   docker build -t tenma .
#   docker run --rm tenma services/le/src/main.ts
# For a build that can be repeated, name the base by digest: --build-arg NODE_IMAGE=node:24-slim@sha256:…
ARG NODE_IMAGE=node:24-slim

FROM ${NODE_IMAGE} AS sources
WORKDIR /app
COPY . .
# Whatever the umask of the checkout was, any user may read the files and only root may write them.
RUN chmod -R a+rX,go-w .

# What decides the dependencies and nothing else: the installation below is repeated only when one of these changes.
FROM sources AS manifests
RUN find . -type f ! -name package.json ! -name package-lock.json -delete && find . -type d -empty -delete

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY --from=manifests /app ./
# The optional packages are the pinned Node for a checkout; the image brings its own.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund \
  && rm -rf test package-lock.json node_modules/@tenma/test-support node_modules/.package-lock.json

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="Tenma" org.opencontainers.image.licenses="MIT"
# `probe-icmp` runs the system's ping. Here it has neither file capabilities nor setuid: with all capabilities dropped
# a file that asks for one could not even be started. It uses the kernel's ping sockets (net.ipv4.ping_group_range).
# No other setuid program is left, and no package manager of Node.
RUN apt-get update -qq \
  && apt-get install -y -qq --no-install-recommends iputils-ping \
  && rm -rf /var/lib/apt/lists/* /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /opt/yarn* \
  && ping=$(readlink -f "$(command -v ping)") \
  && install -m 0755 "$ping" /tmp/ping && mv -f /tmp/ping "$ping" \
  && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
  && groupadd --gid 10001 tenma \
  && useradd --uid 10001 --gid tenma --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin tenma
WORKDIR /app
COPY --from=dependencies /app ./
COPY --from=sources /app/packages packages
COPY --from=sources /app/services services
# With gigabytes free V8 lets garbage stand; no service needs more than this. Worker processes have limits of their own.
ENV NODE_ENV=production NODE_OPTIONS=--max-old-space-size=384
USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["node"]
CMD ["services/le/src/main.ts"]
