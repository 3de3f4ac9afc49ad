// The columns of a record, and the JSON schema by which fastify writes one.
"use strict";
const NUMBERS = new Set(["staff_n"]);
const columns = process.env.LANDBRIDGE_COLUMNS.split(",");

const schema = {
  type: "object",
  properties: Object.fromEntries(
    columns.map((name) => [name, { type: NUMBERS.has(name) ? "integer" : "string" }]),
  ),
};

const fields = columns.map((name) => `${name}: ${NUMBERS.has(name) ? "Int" : "String"}`);

module.exports = { columns, fields, schema };
