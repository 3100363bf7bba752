// Prints a user's record in UDS, with a token from ucssod.
//
//     npm install @grpc/grpc-js @grpc/proto-loader
//     node uds.js [CLUSTER]
//
// UCSSO_SOCKET  the broker's socket; default unix://$XDG_RUNTIME_DIR/ucsso/broker.sock
// UDS_URL       where UDS is asked; default the node that confirmed the token
// UDS_CA        a PEM file with the certificate authority of that node
'use strict';

const fs = require('node:fs');
const https = require('node:https');
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const { UCSSO_SOCKET, UDS_URL, UDS_CA, XDG_RUNTIME_DIR } = process.env;

const contract = loader.loadSync('ucsso/v1/token_broker.proto', {
  includeDirs: [path.join(__dirname, '../../proto')],
});
const { TokenBroker } = grpc.loadPackageDefinition(contract).ucsso.v1;
const broker = new TokenBroker(
  UCSSO_SOCKET || `unix://${XDG_RUNTIME_DIR}/ucsso/broker.sock`,
  grpc.credentials.createInsecure(),
);

const metadata = new grpc.Metadata();
metadata.set('ucsso', '1');
const options = { deadline: Date.now() + 330_000 };
broker.getToken({ cluster: process.argv[2] || 'hq' }, metadata, options, (error, answer) => {
  broker.close();
  if (error) fail(`no token: ${grpc.status[error.code]}: ${error.details}`);
  else ask(answer.token);
});

function ask({ node, user, tokenType, accessToken }) {
  const url = `${UDS_URL || `https://${node}`}/cucm-uds/user/${encodeURIComponent(user)}`;
  const ca = UDS_CA && fs.readFileSync(UDS_CA);
  const headers = { authorization: `${tokenType} ${accessToken}` };
  https.get(url, { ca, headers, signal: AbortSignal.timeout(10_000) }, (answer) => {
    if (answer.statusCode === 200) answer.pipe(process.stdout);
    else fail(`${url}: ${answer.statusCode}`);
  }).on('error', (error) => fail(error.message));
}

function fail(sentence) {
  console.error(sentence);
  process.exitCode = 1;
}
