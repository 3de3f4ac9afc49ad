// One provider on fastify: reads a record by index from SQLite, with a prepared statement.
"use strict";
const { listen, packages, server } = require("./line.cjs");
const { schema } = require("./columns.cjs");
const Database = packages("better-sqlite3");

const [credential, roots, path] = process.argv.slice(2);
const select = new Database(path, { readonly: true }).prepare(`${process.env.LANDBRIDGE_SELECT} ?`);
const application = server(credential, roots);

application.get(
  "/enterprises/:number",
  { schema: { response: { 200: schema } } },
  (request, reply) => {
    const record = select.get(request.params.number);
    if (record) reply.send(record);
    else reply.code(404).send({ error: "not found" });
  },
);

listen(application);
