# A server for Chinese-CLIP, from this repository's sources:
#
#     docker build -t chinese-clip .
#     docker run -p 127.0.0.1:8080:8080 -v chinese-clip-models:/models -e CHINESE_CLIP_API_KEY=… chinese-clip
#
# Mirrors: --build-arg NODE_IMAGE=<image of Node 20.19 or newer, slim> --build-arg NPM_REGISTRY=<address>; at run time -e HF_ENDPOINT=<address>.
ARG NODE_IMAGE=node:22-slim

FROM ${NODE_IMAGE} AS build
ARG NPM_REGISTRY=
ENV npm_config_registry=${NPM_REGISTRY}
WORKDIR /src
COPY . .
RUN node scripts/bootstrap.mjs pack /tarballs
RUN npm install --prefix /app --omit=dev --ignore-scripts --no-audit --no-fund /tarballs/*.tgz
RUN mkdir /models

FROM ${NODE_IMAGE}
# The last three: glibc keeps large pieces of memory apart, and gives what is free back; as it is set, a busy server's grow for hours.
ENV NODE_ENV=production MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=131072 HF_HUB_CACHE=/models CHINESE_CLIP_MODEL=OFA-Sys/chinese-clip-vit-base-patch16
COPY --from=build /app /app
COPY --from=build --chown=node:node /models /models
USER node
WORKDIR /app
# Downloaded once, and outlives the container.
VOLUME ["/models"]
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=15m CMD ["node", "-e", "fetch('http://127.0.0.1:8080/readyz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/node_modules/chinese-clip/dist/main.js"]
# Others reach this address, so a key is needed: CHINESE_CLIP_API_KEY, or --allow-unauthenticated where every caller is trusted.
CMD ["serve", "--host", "0.0.0.0"]
