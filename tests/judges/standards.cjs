// Holds what `landbridge` writes against other people's programs: reads a list of JSON documents on
// stdin, and writes what the program named by the first argument makes of each, in the same order:
// {verdict} or {error}. Asks no network.
'use strict';

const {readFileSync} = require('node:fs');
const jose = require('jose');
const jsonld = require('jsonld');
const ftm = require('@alephdata/followthemoney');
const tableschema = require('tableschema');

const folder = require.resolve('jsonld').replace(/jsonld.lib.index\.js$/, '');
const CONTEXTS = {
  'http://www.w3.org/ns/odrl.jsonld': '@digitalbazaar/odrl-context/contexts/odrl.jsonld',
  'https://www.w3.org/ns/credentials/v2':
    '@digitalcredentials/credentials-v2-context/contexts/credentials-v2.jsonld',
};

async function documentLoader(url) {
  if (!(url in CONTEXTS)) {
    throw new Error(`nobody may be asked for ${url}`);
  }
  return {documentUrl: url, document: JSON.parse(readFileSync(folder + CONTEXTS[url], 'utf8'))};
}

// "Safe": a term that the context does not define is an error, not silently dropped.
const SAFE = {documentLoader, safe: true};

const JUDGES = {
  expand: (document) => jsonld.expand(document, SAFE),
  quads: (document) => jsonld.toRDF(document, {...SAFE, format: 'application/n-quads'}),

  async credential(token) {
    const {kid} = jose.decodeProtectedHeader(token);
    const jwk = Buffer.from(kid.replace(/^did:jwk:/, '').replace(/#0$/, ''), 'base64url');
    const key = await jose.importJWK(JSON.parse(jwk), 'EdDSA');
    const {payload, protectedHeader} = await jose.compactVerify(token, key);
    const credential = JSON.parse(new TextDecoder().decode(payload));
    return {header: protectedHeader, credential, expanded: await jsonld.expand(credential, SAFE)};
  },

  async 'table-schema'({descriptor, rows}) {
    const schema = await tableschema.Schema.load(descriptor);
    const casts = rows.map((row) => {
      try {
        schema.castRow(row);
        return '';
      } catch (error) {
        return (error.errors && error.errors[0] || error).message;
      }
    });
    return {valid: schema.valid, errors: schema.errors.map((error) => error.message), casts};
  },

  entities(entities) {
    const model = new ftm.Model(ftm.defaultModel);
    return entities.map((written) => {
      const entity = model.getEntity({...written, properties: {}});
      const {schema} = entity;
      const values = Object.entries(written.properties);
      return {
        schema: schema.name,
        unknown: values.filter(([name]) => !schema.hasProperty(name)).map(([name]) => name),
        missing: (schema.required || []).filter((name) => !(name in written.properties)),
        misdirected: values
          .filter(([name]) => schema.hasProperty(name) && schema.getProperty(name).type.isEntity)
          .flatMap(([name, ids]) => ids.map((id) => {
            const target = entities.find((each) => each.id === id);
            const range = model.getSchema(schema.getProperty(name).range);
            return target && model.getSchema(target.schema).isA(range) ? '' : name;
          }))
          .filter((name) => name),
      };
    });
  },
};

async function judge(document) {
  try {
    return {verdict: await JUDGES[process.argv[2]](document)};
  } catch (error) {
    return {error: `${error.message} ${JSON.stringify(error.details || {})}`};
  }
}

Promise.all(JSON.parse(readFileSync(0, 'utf8')).map(judge))
  .then((verdicts) => process.stdout.write(JSON.stringify(verdicts)));
