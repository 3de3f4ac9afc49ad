// The gateway of the peer Mercurius: GraphQL, compiled, over the same providers on fastify.
"use strict";
const { lines, listen, packages, read, server } = require("./line.cjs");
const { fields } = require("./columns.cjs");
const mercurius = packages("mercurius");

const [credential, roots, ...targets] = process.argv.slice(2);
const all = lines(credential, roots, targets);
const application = server(credential, roots);

application.register(mercurius, {
  schema: `
    type Enterprise { ${fields.join("\n")} }
    type Query { profile(number: ID!): [Enterprise!]! }
  `,
  resolvers: {
    Query: {
      profile: (_, { number }) =>
        Promise.all(all.map(async (line) => (await read(line, number)).json())),
    },
  },
  jit: 1,
});

listen(application);
