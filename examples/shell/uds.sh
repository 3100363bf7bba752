#!/usr/bin/env bash
# Prints a user's record in UDS, with a token from ucssod. Ends with the code of ucssoctl where there
# is no token. The token is in no argument and in no environment, where others could read it.
#
#     apt-get install curl jq
#     uds.sh [CLUSTER]
#
# UCSSO_SOCKET  the broker's socket; default unix://$XDG_RUNTIME_DIR/ucsso/broker.sock
# UDS_URL       where UDS is asked; default the node that confirmed the token
# UDS_CA        a PEM file with the certificate authority of that node
set -euo pipefail

token=$(ucssoctl token "${1:-hq}" --wait 330s --json)

# Prints what jq's filter makes of the token.
of_token() {
  jq --raw-output "$1" < <(printf '%s' "$token")
}

base=${UDS_URL:-https://$(of_token .node)}
trust=()
[[ -z ${UDS_CA:-} ]] || trust=(--cacert "$UDS_CA")
header='"Authorization: \(.token_type) \(.access_token)"'
curl --silent --show-error --fail --max-time 10 "${trust[@]}" --header @<(of_token "$header") \
  "$base/cucm-uds/user/$(of_token '.user | @uri')"
