// What does a request look like that an operation may well take? Made of its parameters and its body's schema, with real ids, keys and cursors.
import fc from 'fast-check';
import { encoded, headerText } from './send.mjs';
import { valueOf } from './schema-values.mjs';
import { range, tidied, tidiedQuery, wordOf } from './vocabulary.mjs';

/** @typedef {{ operation: import('./document.mjs').Operation, key?: string, path: Record<string, unknown>, query: [string, unknown][],
 *   headers: Record<string, unknown>, type?: string, body?: unknown, raw?: string | Uint8Array }} Request
 *  `body` is sent as JSON; `raw` instead of it, as it is */

/** What an operation changes is another project than the one whose events others ask for. */
const OF_SCRATCH = new Set(['projectsUpdate', 'aggregationBackfill', 'aggregationVerify', 'keysCreate', 'keysList']);

/** Requests of one operation.
 *  @param {import('./document.mjs').Operation} operation @param components of the document @param {import('./world.mjs').World} world
 *  @param {Map<string, string[]>} own ids for this operation alone, by kind */
export function requestsOf(operation, components, world, own) {
  const value = (schema) => valueOf(schema, components, (place, key) => wordIn(place, key, world), mostlyTidied);
  const made = fc.record({
    path: pathOf(operation, world, own, value),
    query: queryOf(operation, value),
    headers: headersOf(operation, value),
    body: bodyOf(operation, value),
    as: keyOf(operation, world),
  });
  const requests = made.map(({ path, query, headers, body, as }) => {
    const sent = { operation, path, query, headers: { ...headers, ...as.headers }, key: as.key, ...body };
    return sent;
  });
  const pages = world.pages.get(operation.id) ?? [];
  if (pages.length === 0) return requests;
  const following = fc.constantFrom(...pages).map(({ request, cursor }) => ({
    ...request,
    query: [...request.query.filter(([name]) => name !== 'cursor'), ['cursor', cursor]],
  }));
  return fc.oneof({ weight: 7, arbitrary: requests }, { weight: 1, arbitrary: following });
}

const wordIn = (place, key, world) => {
  // Nothing that is made up may lead off this machine.
  if (place === 'WebhookDto') return fc.constantFrom(`${world.receiver.url}/hook`, 'https://hooks.invalid/millrace');
  return wordOf(place, key);
};

/** Now and then the rules between fields are left to chance, so that what breaks them is met too. */
let turn = 0;
const isTidy = () => (turn += 1) % 8 !== 0;
const mostlyTidied = (name, value) => (isTidy() ? tidied(name, value) : value);

function pathOf(operation, world, own, value) {
  const places = operation.parameters.filter((parameter) => parameter.in === 'path');
  const parts = places.map(({ name, schema }) => {
    const before = operation.path.split('/').at(operation.path.split('/').indexOf(`{${name}}`) - 1);
    const known = own.get(before) ?? idsFor(operation, before, world);
    const random = wordOf(operation.id, name) ?? value(schema);
    // The server's own key is asked with here, and nothing is foreign to it: it would do the other tenant harm.
    const foreign = before === 'projects' ? [] : world.idsOf('foreign');
    const choices = [
      ...(known.length > 0 ? [{ weight: 12, arbitrary: fc.constantFrom(...known) }] : []),
      { weight: known.length > 0 ? 1 : 12, arbitrary: random },
      { weight: 1, arbitrary: schema.format === 'uuid' && foreign.length > 0 ? fc.constantFrom(...foreign) : random },
    ];
    return [name, fc.oneof(...choices)];
  });
  return fc.record(Object.fromEntries(parts));
}

function idsFor(operation, kind, world) {
  if (kind !== 'projects') return world.idsOf(kind);
  if (operation.path.includes('{keyId}') || OF_SCRATCH.has(operation.id)) return [world.scratch.id];
  return world.idsOf('projects');
}

function queryOf({ id, parameters }, value) {
  const fields = parameters.filter((parameter) => parameter.in === 'query');
  const isRanged = fields.some(({ name }) => name === 'period');
  const rangeNames = isRanged ? ['period', 'from', 'to'] : [];
  const rest = fields.filter(({ name }) => ![...rangeNames, 'cursor', 'ticket', 'key'].includes(name));
  const one = ({ name, schema, required }) => {
    const word = (wordOf(id, name) ?? value(schema)).map((made) =>
      Array.isArray(made) && schema.type !== 'array' && name !== 'names' ? JSON.stringify(made) : made,
    );
    const present = word.map((made) => [[name, made]]);
    return required ? present : fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: present });
  };
  return fc
    .tuple(isRanged ? range.map(Object.entries) : fc.constant([]), ...rest.map(one))
    .map((parts) => (isTidy() ? tidiedQuery(id, parts.flat()) : parts.flat()));
}

const headersOf = ({ parameters }, value) => {
  const fields = parameters.filter((parameter) => parameter.in === 'header' && parameter.name !== 'X-Project-Id');
  const known = fields.map(({ name, schema }) => [
    name,
    name === 'Idempotency-Key' ? fc.uuid() : (wordOf(undefined, name) ?? value(schema)),
  ]);
  return fc.record(Object.fromEntries(known), { requiredKeys: [] });
};

function bodyOf({ id, body }, value) {
  if (body === undefined) return fc.constant({});
  const [type, { schema }] = Object.entries(body)[0];
  const whole = value(schema);
  const withRange = ['statsQuery', 'funnelStatsOfUnsaved'].includes(id)
    ? fc.tuple(whole, range).map(([made, within]) => ({ ...made, ...within }))
    : whole;
  const json = withRange.map((made) => ({ type, body: made }));
  const lines = body['application/x-ndjson'];
  if (lines === undefined) return json;
  const asLines = whole.map(({ events }) => ({
    type: 'application/x-ndjson',
    raw: events.map((event) => `${JSON.stringify(event)}\n`).join(''),
  }));
  return fc.oneof({ weight: 3, arbitrary: json }, { weight: 1, arbitrary: asLines });
}

/** Who asks: the owner's key, the server's, or the root key with the project named. */
function keyOf({ path, method, parameters }, world) {
  const { main, server } = world;
  if (path.startsWith('/api/v1/projects') || path.startsWith('/api/v1/jobs'))
    return fc.constant({ key: server.rootKey, headers: {} });
  if (!path.startsWith('/api/')) return fc.constant({ key: undefined, headers: {} });
  const asRoot = parameters.some(({ name }) => name === 'X-Project-Id');
  return fc.constantFrom(
    { key: main.adm, headers: {} },
    { key: main.adm, headers: asRoot ? { 'X-Project-Id': main.id } : {} },
    { key: server.rootKey, headers: { 'X-Project-Id': main.id } },
    { key: method === 'GET' ? main.sec : main.adm, headers: {} },
  );
}

/** A value as a query string has it: lists by commas, except what is JSON. */
const queryText = (made) => {
  if (Array.isArray(made)) return made.map(encoded).join(',');
  return encoded(typeof made === 'object' && made !== null ? JSON.stringify(made) : made);
};

/** What goes over the wire. @param {Request} request @returns {{ method: string, target: string, headers: Record<string, string>, body?: string | Uint8Array }} */
export function onWire({ operation, key, path, query, headers, type, body, raw }) {
  const filled = operation.path.replace(/\{(\w+)\}/g, (_, name) => encoded(path[name]));
  const asked = query.map(([name, made]) => `${encoded(name)}=${queryText(made)}`).join('&');
  const sent = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  return {
    method: operation.method,
    target: asked === '' ? filled : `${filled}?${asked}`,
    headers: {
      ...(key === undefined ? {} : { 'x-api-key': headerText(key) }),
      ...(type === undefined || sent === undefined ? {} : { 'content-type': headerText(type) }),
      ...Object.fromEntries(Object.entries(headers).map(([name, made]) => [name.toLowerCase(), headerText(made)])),
    },
    ...(sent === undefined ? {} : { body: sent }),
  };
}
