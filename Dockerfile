# One image, one command per app:
#   node apps/api/dist/main.js                 the default
#   node apps/worker/dist/main.js
#   node packages/simulator/dist/main.js
#   node apps/cli/dist/main.js status        or check, in a container that runs
# Every setting comes from the environment.

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

FROM node:24-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 SIMULATOR_HOST=0.0.0.0
WORKDIR /app
# A place for FALLBACK_LOG; everything else belongs to root and is never written to.
RUN install -d -o 1000 -g 1000 -m 0700 /var/log/relais
COPY LICENSE ./
COPY scripts/start-container.mjs scripts/
COPY --from=dependencies /app ./
COPY --from=build /app/packages/core/dist packages/core/dist
COPY --from=build /app/packages/simulator/dist packages/simulator/dist
COPY packages/simulator/page packages/simulator/page
COPY --from=build /app/apps/cli/dist apps/cli/dist
COPY --from=build /app/apps/worker/dist apps/worker/dist
COPY --from=build /app/apps/api/dist apps/api/dist
# The user `node` of the base image, as a number: an orchestrator can then see that it is not root.
USER 1000:1000
# Of the default command; compose gives each of the others its own.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 3000) + '/readyz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "apps/api/dist/main.js"]
