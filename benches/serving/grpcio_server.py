"""The peer of serve.py: a grpcio server that answers every forecast request with the bytes of one file."""

import json
import sys
from concurrent import futures
from pathlib import Path

import grpc


def main():
    answer, ready = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2])
    handler = grpc.unary_unary_rpc_method_handler(lambda _request, _context: answer)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("arterial.v1.ForecastService", {"Forecast": handler})])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    ready.write_text(json.dumps({"grpc": f"127.0.0.1:{port}"}))
    server.wait_for_termination()


if __name__ == "__main__":
    main()
