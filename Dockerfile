# One image, one command per app:
#   node apps/api/dist/main.js                 the default
#   node apps/worker/dist/main.js
#   node packages/simulator/dist/main.js
#   relais status        or any other command of the operators, in a container that runs
# Every setting comes from the environment, or from files that it names. /app/sbom.cdx.json says what is inside.

# What is shipped: the manifests of these five packages decide what is installed, in both stages below.
FROM node:24-bookworm-slim AS manifests
WORKDIR /app
RUN npm install --global pnpm@12.21.0
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
COPY apps/api/package.json apps/api/
COPY apps/cli/package.json apps/cli/
COPY apps/worker/package.json apps/worker/
COPY packages/core/package.json packages/core/
COPY packages/simulator/package.json packages/simulator/

FROM manifests AS build
RUN pnpm install --frozen-lockfile
COPY . .
RUN pnpm exec tsc -b apps/api apps/cli apps/worker packages/simulator

FROM manifests AS dependencies
RUN pnpm install --frozen-lockfile --prod
RUN pnpm sbom --prod --filter @relais/api --filter @relais/cli --filter @relais/worker --filter @relais/simulator \
  --sbom-format cyclonedx --sbom-spec-version 1.6 --sbom-type application --out sbom.cdx.json

# What Node needs of a system: the libraries it is linked with, and a user without a shell. It has the authorities of TLS in it.
FROM node:24-bookworm-slim AS system
RUN cp --parents --dereference /usr/local/bin/node $(ldd /usr/local/bin/node | grep -o '/[^ ]*') /mnt \
  && mkdir -p /mnt/etc /mnt/tmp \
  && chmod 1777 /mnt/tmp \
  && echo 'relais:x:1000:1000::/app:/sbin/nologin' > /mnt/etc/passwd \
  && echo 'relais:x:1000:' > /mnt/etc/group \
  && echo 'hosts: files dns' > /mnt/etc/nsswitch.conf \
  && printf '#!%s\nimport("/app/apps/cli/bin/relais.js")\n' /usr/local/bin/node > /mnt/usr/local/bin/relais \
  && chmod 0755 /mnt/usr/local/bin/relais \
  && install -d -o 1000 -g 1000 -m 0700 /srv/log/relais

# Nothing else: no shell, no package manager, no tools.
FROM scratch
ENV NODE_ENV=production HOST=0.0.0.0 SIMULATOR_HOST=0.0.0.0 PATH=/usr/local/bin
WORKDIR /app
COPY --from=system /mnt /
# A place for FALLBACK_LOG; everything else belongs to root and is never written to.
COPY --from=system --chown=1000:1000 /srv/log /var/log
COPY LICENSE ./
COPY scripts/start-container.mjs scripts/
COPY --from=dependencies /app ./
COPY --from=build /app/packages/core/dist packages/core/dist
COPY --from=build /app/packages/simulator/dist packages/simulator/dist
COPY packages/simulator/page packages/simulator/page
COPY --from=build /app/apps/cli/dist apps/cli/dist
COPY apps/cli/bin apps/cli/bin
COPY --from=build /app/apps/worker/dist apps/worker/dist
COPY --from=build /app/apps/api/dist apps/api/dist
COPY apps/api/assets apps/api/assets
# As a number: an orchestrator can then see that it is not root.
USER 1000:1000
# Of the default command; compose gives each of the others its own.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 3000) + '/readyz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "apps/api/dist/main.js"]
