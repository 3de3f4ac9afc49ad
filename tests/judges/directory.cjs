// A client that shares no code with ours: Node.js, its own TLS, its own protobuf. It reads the
// wire contract from the .proto files and asks a gateway for its directory.
//
// node directory.cjs ADDRESS DNS_NAME PROTOS KEY CHAIN ROOTS
"use strict";

const fs = require("node:fs");
const grpc = require("@grpc/grpc-js");
const protoLoader = require("@grpc/proto-loader");

const [address, dnsName, protos, key, chain, roots] = process.argv.slice(2);
const definition = protoLoader.loadSync("landbridge/v1/gateway_service.proto", {
  includeDirs: [protos],
  keepCase: true,
});
const { GatewayService } = grpc.loadPackageDefinition(definition).landbridge.v1;
const credentials = grpc.credentials.createSsl(
  fs.readFileSync(roots),
  fs.readFileSync(key),
  fs.readFileSync(chain),
);
const client = new GatewayService(address, credentials, {
  "grpc.ssl_target_name_override": dnsName,
});

client.GetDirectory({}, { deadline: Date.now() + 10_000 }, (error, response) => {
  const answer = error ? { code: error.code, details: error.details } : response;
  process.stdout.write(JSON.stringify(answer));
  client.close();
});
