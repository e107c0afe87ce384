# Three stages: the app, the Python environment, and an image with neither compiler nor Node.
# Every command in here is one the Makefile or the tests run outside Docker as well.

FROM node:22-slim AS app
WORKDIR /src/frontend
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY frontend ./
RUN npm run build

FROM python:3.13-slim AS environment
WORKDIR /src
RUN python -m venv /opt/cinefold
COPY requirements.txt ./
RUN /opt/cinefold/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY engine ./engine
COPY api ./api
COPY reproduction ./reproduction
COPY migrations ./migrations
COPY data ./data
COPY --from=app /src/frontend/dist ./frontend/dist
RUN /opt/cinefold/bin/pip install --no-cache-dir --no-deps --no-build-isolation --editable . \
 && /opt/cinefold/bin/python -m compileall -q api engine reproduction

FROM python:3.13-slim
RUN useradd --uid 10001 --create-home cinefold && install -d -o cinefold -m 700 /var/lib/cinefold
COPY --from=environment /opt/cinefold /opt/cinefold
COPY --from=environment /src /src
WORKDIR /src
USER cinefold
ENV PATH=/opt/cinefold/bin:$PATH PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 PORT=8000 DATA_DIR=/var/lib/cinefold \
    # Compiled kernels belong to this machine's processor, so they go to the private volume.
    NUMBA_CACHE_DIR=/var/lib/cinefold/numba
EXPOSE 8000
VOLUME /var/lib/cinefold
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/ready', timeout=2)"]
CMD ["cinefold", "serve"]
