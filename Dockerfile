# One image for all operators: `manager` with the flags of the operator that a Deployment names.
FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml README.md ./
COPY hack/constraints.txt hack/
COPY api api
COPY controllers controllers
COPY pkg pkg
RUN python -m venv /metal3 \
    && PIP_CONSTRAINT=hack/constraints.txt /metal3/bin/pip install --no-cache-dir . \
    && ln -s /metal3/bin/metal3 /manager \
    && ln -s /metal3/bin/metal3 /baremetal-operator

FROM python:3.11-slim
COPY --from=build /metal3 /metal3
COPY --from=build /manager /baremetal-operator /
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
ENTRYPOINT ["/metal3/bin/metal3"]
