FROM node:20-slim
WORKDIR /srv
COPY package.json package-lock.json ./
RUN npm ci && npm cache clean --force
COPY . .
