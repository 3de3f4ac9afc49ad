// What the servers on Node.js share: mTLS, how they serve, and their lines to the providers.
"use strict";
const { readFileSync } = require("node:fs");
const { createRequire } = require("node:module");
const { join } = require("node:path");

// The packages lie where `make peers` has put them, not beside this file.
const packages = createRequire(join(process.env.LANDBRIDGE_PEERS, "package.json"));
const Fastify = packages("fastify");
const { Pool } = packages("undici");

const HOUR_MS = 3_600_000;
const WARM_CONNECTIONS = 16;

function tls(credential, roots) {
  const pem = readFileSync(credential);
  return { key: pem, cert: pem, ca: readFileSync(roots), minVersion: "TLSv1.3" };
}

function server(credential, roots) {
  return Fastify({
    https: { ...tls(credential, roots), requestCert: true, rejectUnauthorized: true },
    logger: false,
    keepAliveTimeout: HOUR_MS,
  });
}

function lines(credential, roots, targets) {
  return targets.map((target) => {
    const [address, servername] = target.split("=");
    return new Pool(`https://${address}`, {
      connections: WARM_CONNECTIONS,
      pipelining: 1,
      keepAliveTimeout: HOUR_MS,
      keepAliveMaxTimeout: HOUR_MS,
      connect: { ...tls(credential, roots), servername },
    });
  });
}

async function read(line, number) {
  const { statusCode, body } = await line.request({ path: `/enterprises/${number}`, method: "GET" });
  if (statusCode !== 200) throw new Error(`a provider answered ${statusCode}`);
  return body;
}

async function listen(application) {
  await application.listen({ host: "127.0.0.1", port: 0 });
  console.log(application.server.address().port);
  process.on("SIGTERM", () => process.exit(0));
}

module.exports = { lines, listen, packages, read, server };
