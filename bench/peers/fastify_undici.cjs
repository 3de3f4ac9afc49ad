// The gateway of the peer fastify + undici: what providers answer is passed on as it is.
"use strict";
const { lines, listen, read, server } = require("./line.cjs");

const [credential, roots, ...targets] = process.argv.slice(2);
const all = lines(credential, roots, targets);
const application = server(credential, roots);

application.get("/profiles/:number", async (request, reply) => {
  const { number } = request.params;
  const bodies = await Promise.all(all.map(async (line) => (await read(line, number)).text()));
  reply.type("application/json");
  return `[${bodies.join(",")}]`;
});

listen(application);
