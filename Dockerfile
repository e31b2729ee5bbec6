# A model behind HTTP, on a CPU. Build in a checkout of hfdl, run with a trained model mounted:
#   docker build -t hfdl-serve .
#   docker run --rm -p 127.0.0.1:8000:8000 -v "$PWD/runs/sentiment:/model:ro" hfdl-serve
FROM python:3.12-slim

# torch of the CPU index is a tenth of the size of the one with CUDA.
RUN python -m venv /opt/hfdl
ENV PATH=/opt/hfdl/bin:$PATH

WORKDIR /src
COPY . .
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu -c constraints.txt '.[serve]'

RUN useradd --create-home --uid 10001 hfdl
USER hfdl
WORKDIR /home/hfdl

# Nothing is fetched, and nothing but the port is open.
ENV HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/ready', timeout=4)"]
STOPSIGNAL SIGTERM

# 0.0.0.0 is inside of the container; -p 127.0.0.1:8000:8000 above keeps it on the machine.
ENTRYPOINT ["hfdl", "serve", "/model", "--host", "0.0.0.0", "--port", "8000"]
