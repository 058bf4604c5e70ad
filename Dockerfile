# The program in an image, for processors or for NVIDIA's GPUs; without words it runs the demo.
#
#   docker build --target cpu -t lit_samseg:cpu .
#   docker run --rm -v "$PWD:/data" lit_samseg:cpu
#
#   docker build --target cuda -t lit_samseg:cuda .
#   docker run --rm --gpus all -v "$PWD:/data" lit_samseg:cuda test --config demo --trainer.accelerator gpu
#
# /data is where it works: output lies in logs, and downloaded weights in .cache, both of the mounted folder. With
# --user "$(id -u):$(id -g)" they are yours.
FROM python:3.12-slim AS source
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
COPY . .

FROM source AS cpu
RUN pip install --index-url https://download.pytorch.org/whl/cpu torch torchvision \
    && pip install .
ENV HOME=/data
WORKDIR /data
ENTRYPOINT ["lit-samseg"]
CMD ["test", "--config", "demo"]

# The wheels of torch on PyPI have CUDA in them; the machine needs NVIDIA's driver and container toolkit.
FROM source AS cuda
RUN pip install .
ENV HOME=/data
WORKDIR /data
ENTRYPOINT ["lit-samseg"]
CMD ["test", "--config", "demo"]
