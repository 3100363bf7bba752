"""Prints a user's record in UDS, with a token from ucssod.

    pip install grpcio grpcio-tools
    python uds.py [CLUSTER]

UCSSO_SOCKET  the broker's socket; default unix://$XDG_RUNTIME_DIR/ucsso/broker.sock
UDS_URL       where UDS is asked; default the node that confirmed the token
UDS_CA        a PEM file with the certificate authority of that node
"""

import os
import pathlib
import ssl
import sys
import urllib.parse
import urllib.request

import grpc

# The contract is the .proto file; grpcio-tools compiles it here, in memory.
sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "proto"))
messages, services = grpc.protos_and_services("ucsso/v1/token_broker.proto")

cluster = sys.argv[1] if len(sys.argv) > 1 else "hq"
socket = os.environ.get("UCSSO_SOCKET") or f"unix://{os.environ['XDG_RUNTIME_DIR']}/ucsso/broker.sock"
with grpc.insecure_channel(socket) as channel:
    try:
        token = services.TokenBrokerStub(channel).GetToken(
            messages.GetTokenRequest(cluster=cluster), metadata=[("ucsso", "1")], timeout=330
        ).token
    except grpc.RpcError as error:
        sys.exit(f"no token: {error.code().name}: {error.details()}")

base = os.environ.get("UDS_URL") or f"https://{token.node}"
request = urllib.request.Request(
    f"{base}/cucm-uds/user/{urllib.parse.quote(token.user, safe='')}",
    headers={"Authorization": f"{token.token_type} {token.access_token}"},
)
trust = ssl.create_default_context(cafile=os.environ.get("UDS_CA"))
with urllib.request.urlopen(request, context=trust, timeout=10) as answer:
    print(answer.read().decode())
