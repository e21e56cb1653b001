# One image for every service, the console and the `hub` command: docker build --tag bitbylaw-hub .
# The same with simulated vendors and an invented firm: docker build --target demo --tag bitbylaw-hub-demo .
#
# Bases are pinned by tag. To pin them by digest as well, resolve the tag once and pass what comes out:
#   docker buildx imagetools inspect gcr.io/distroless/python3-debian12:nonroot
#   docker build --build-arg BASE=gcr.io/distroless/python3-debian12:nonroot@sha256:… .
ARG BUILDER=docker.io/library/python:3.11-slim-bookworm
# Debian's Python 3.11, certificates and time zones; no shell, no package manager, user 65532.
ARG BASE=gcr.io/distroless/python3-debian12:nonroot

FROM ${BUILDER} AS tools
WORKDIR /src
COPY requirements-dev.lock ./
# Of the lock for development only what builds: pip refuses whatever would be missing or differ.
RUN sed -n -E '/^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers|uv)==/,/[^\\]$/p' requirements-dev.lock > build.lock \
    && python -m venv /tools \
    && /tools/bin/pip install --no-cache-dir --require-hashes --requirement build.lock

FROM tools AS packages
COPY requirements.lock ./
# The base's Python is Debian's 3.11.2 and older than the builder's: markers are read for that one.
# nkeys is published as a source of plain Python only; everything else is a wheel.
# What nobody asks for goes: phone numbers' places, networks and time zones, colours for programming languages, what is
# there to debug Swagger UI or to bundle it anew, and the packages' own tests.
WORKDIR /opt/packages
RUN /tools/bin/uv pip install --no-cache --python /tools/bin/python --python-version 3.11.2 \
        --only-binary :all: --no-binary nkeys --require-hashes --requirement /src/requirements.lock --target . \
    && rm -rf bin phonenumbers/geodata phonenumbers/carrierdata phonenumbers/tzdata \
        swagger_ui_bundle/vendor/*/*.map swagger_ui_bundle/vendor/*/*es-bundle* \
    && find pygments/lexers -name '*.py' ! -name '__init__.py' ! -name '_mapping.py' ! -name 'python.py' -delete \
    && find . -type d \( -name tests -o -name test \) -prune -exec rm -rf {} + \
    && find . -name '*.pyi' -delete \
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/packages

FROM tools AS code
COPY pyproject.toml README.md ./
COPY gateway gateway
COPY document_worker document_worker
COPY beteiligte_worker beteiligte_worker
COPY calendar_worker calendar_worker
COPY advoware_proxy advoware_proxy
COPY console console
COPY shared shared
COPY simulators simulators
COPY local_stack local_stack
COPY deploy/image/hub /image/usr/local/bin/hub
RUN /tools/bin/uv pip install --no-cache --python /tools/bin/python --no-deps --no-build-isolation \
        --target /image/opt/hub . \
    && rm -rf /image/opt/hub/bin \
    && find /image/opt/hub -name README.md -delete \
    && python -m compileall -q --invalidation-mode unchecked-hash -s /image /image/opt/hub \
    && mkdir -p /demo/opt/hub && mv /image/opt/hub/simulators /image/opt/hub/local_stack /demo/opt/hub/ \
    && chmod -R u=rwX,go=rX /image /demo && chmod 0555 /image/usr/local/bin/hub

FROM ${BASE} AS hub
COPY --from=packages /opt/packages /opt/packages
COPY --from=code /image /
# A container's border is its network, so the doors listen on all of its addresses.
ENV PYTHONPATH=/opt/hub:/opt/packages \
    PYTHONSAFEPATH=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GATEWAY_HOST=0.0.0.0 \
    CONSOLE_HOST=0.0.0.0 \
    HEALTH_HOST=0.0.0.0
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="bitbylaw-hub" \
      org.opencontainers.image.description="Keeps EspoCRM, Advoware, xAI Collections and Google Calendar of a law firm in step" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="gcr.io/distroless/python3-debian12:nonroot"
USER 65532:65532
WORKDIR /opt/hub
EXPOSE 3111 3113 8081
STOPSIGNAL SIGTERM
# The whole command comes from outside, `python -m gateway` say, and is process 1: no shell stands between it and SIGTERM.
ENTRYPOINT []
CMD ["hub", "--help"]

FROM hub AS demo
COPY --from=code /demo /
LABEL org.opencontainers.image.title="bitbylaw-hub-demo"

# What `docker build` makes when no target is named.
FROM hub
