FROM node:20-slim
RUN --mount=type=cache,target=/root/.npm npm install --global pnpm@9.15.9
WORKDIR /srv
COPY package.json pnpm-lock.yaml ./
RUN --mount=type=cache,target=/root/.local/share/pnpm/store pnpm install --frozen-lockfile --prod
COPY server.js ./
CMD ["node", "server.js"]
