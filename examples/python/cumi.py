"""Prints the subjects of a user's voice messages, with a token from ucssod.

    pip install grpcio grpcio-tools
    python cumi.py [CLUSTER]

UCSSO_SOCKET  the broker's socket; default unix://$XDG_RUNTIME_DIR/ucsso/broker.sock
CUMI_URL      where CUMI is asked; default the node that confirmed the token
CUMI_CA       a PEM file with the certificate authority of that node
"""

import json
import os
import pathlib
import ssl
import sys
import urllib.error
import urllib.request

import grpc

# The contract is the .proto file; grpcio-tools compiles it here, in memory.
sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "proto"))
messages, services = grpc.protos_and_services("ucsso/v1/token_broker.proto")

MARK = [("ucsso", "1")]
GONE = {messages.ReportRejectedResponse.VERDICT_REJECTED, messages.ReportRejectedResponse.VERDICT_SUPERSEDED}


def inbox(token):
    base = os.environ.get("CUMI_URL") or f"https://{token.node}"
    request = urllib.request.Request(
        f"{base}/vmrest/mailbox/folders/inbox/messages",
        headers={"Authorization": f"{token.token_type} {token.access_token}", "Accept": "application/json"},
    )
    trust = ssl.create_default_context(cafile=os.environ.get("CUMI_CA"))
    with urllib.request.urlopen(request, context=trust, timeout=10) as answer:
        return json.load(answer)


def main(cluster, broker):
    asked = messages.GetTokenRequest(cluster=cluster)
    token = broker.GetToken(asked, metadata=MARK, timeout=330).token
    try:
        found = inbox(token)
    except urllib.error.HTTPError as error:
        # A 401 may also mean that the path is somebody else's: the broker asks the cluster.
        report = messages.ReportRejectedRequest(cluster=cluster, generation=token.generation)
        if error.code != 401 or broker.ReportRejected(report, metadata=MARK, timeout=30).verdict not in GONE:
            sys.exit(f"{error.url}: {error.code}")
        found = inbox(broker.GetToken(asked, metadata=MARK, timeout=330).token)
    # One message is an object, several are a list of them.
    found = found.get("Message", [])
    for message in found if isinstance(found, list) else [found]:
        print(message["Subject"])


socket = os.environ.get("UCSSO_SOCKET") or f"unix://{os.environ['XDG_RUNTIME_DIR']}/ucsso/broker.sock"
with grpc.insecure_channel(socket) as channel:
    try:
        main(sys.argv[1] if len(sys.argv) > 1 else "voicemail", services.TokenBrokerStub(channel))
    except grpc.RpcError as error:
        sys.exit(f"no token: {error.code().name}: {error.details()}")
