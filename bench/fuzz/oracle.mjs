// Is an answer what the document says? Status, type and schema of the operation, headers of the contract, and nothing of the inside in it.
import Ajv2020 from 'ajv/dist/2020.js';

const SLOW_MS = 60_000;

const FORMATS = {
  uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
  date: /^\d{4}-\d\d-\d\d$/,
  decimal: /^-?\d+(\.\d+)?$/,
  uri: /^[a-z][a-z0-9+.-]*:/i,
};

/** Texts of the inside: stack traces, SQL, engines, files of the server. */
const INSIDE = [
  /\bat [\w.<>[\] ]+ \((?:file:|node:|\/)[^)]*:\d+:\d+\)/,
  /\b(?:node_modules|node:internal)\b/,
  /\/(?:dist|src)\/[\w./-]+\.(?:js|ts)\b/,
  /\bDB::|\bCode: \d+\.|Exception\b/,
  /\b(?:ClickHouse|PostgreSQL|postgres|chdb|drizzle|bullmq|ioredis)\b/i,
  /\bSELECT\b[\s\S]+?\bFROM\b|\bINSERT INTO\b|\bDELETE FROM\b/,
  /\b(?:ECONNREFUSED|ECONNRESET|ENOENT|EPIPE|ETIMEDOUT)\b/,
  /\b(?:TypeError|RangeError|SyntaxError|ReferenceError|QueryFailedError)\b/,
  /syntax error at|violates \w+ constraint|invalid input syntax|relation "/,
];
const PASSWD = /root:[^:\n]*:0:0:/;

const mediaOf = (type) => type.split(';', 1)[0].trim().toLowerCase();

/** Closes every object whose fields the document lists, so that a field that it does not tell is found too. */
function closed(node) {
  if (Array.isArray(node)) return node.map(closed);
  if (typeof node !== 'object' || node === null) return node;
  const inside = Object.fromEntries(
    Object.entries(node).map(([key, part]) => [
      key,
      ['example', 'examples', 'default', 'enum', 'const'].includes(key) ? part : closed(part),
    ]),
  );
  const listed =
    inside.type === 'object' && inside.properties !== undefined && inside.additionalProperties === undefined;
  return listed ? { ...inside, additionalProperties: false } : inside;
}

export class Oracle {
  #ajv = new Ajv2020({ strict: false, allErrors: false });
  #checks = new Map();

  /** @param components of the document @param {{ secret: string, folder: string }} hidden what no answer may hold: another tenant's data, the server's folder */
  constructor(components, hidden) {
    for (const [name, format] of Object.entries(FORMATS)) this.#ajv.addFormat(name, format);
    for (const name of ['uri-reference', 'binary', 'currency', 'ip', 'locale', 'timezone'])
      this.#ajv.addFormat(name, true);
    this.#ajv.addSchema({ $id: 'millrace', components: closed(components) });
    this.hidden = hidden;
  }

  /** What is wrong with an answer.
   *  @param {import('./requests.mjs').Request & { refuse?: boolean }} request @param wire what was sent @param answer of `send`
   *  @returns {{ faults: string[], json?: any }} the parsed body where it is one */
  judge(request, wire, { status, headers, body, ms }) {
    const { operation } = request;
    if (status === 0) return { faults: [`no answer: ${body}`] };
    const faults = [];
    const text = body.toString('utf8');
    if (ms > SLOW_MS) faults.push('took more than a minute');
    if (status >= 500 && status !== 503) faults.push(`status ${status}`);
    if (request.refuse && status < 400) faults.push(`took what it must refuse: ${request.mutation}`);
    if (!headers['x-request-id']) faults.push('no X-Request-Id');
    if ((status === 429 || status === 503) && !/^\d+$/.test(headers['retry-after'] ?? ''))
      faults.push(`${status} without Retry-After`);
    const documented = operation.responses[status];
    if (documented === undefined) {
      faults.push(...this.#leaks(status, text, undefined, wire));
      return { faults: [...faults, `status ${status} is not documented`] };
    }
    const { media, json, fault } = this.#read(status, headers, body, text, documented);
    faults.push(...this.#leaks(status, text, json, wire, operation.path.startsWith('/health')));
    if (fault !== undefined) faults.push(fault);
    if (json !== undefined && media?.schema !== undefined) {
      const wrong = this.#invalid(media.schema, json);
      if (wrong !== undefined) faults.push(`body of ${status}: ${wrong}`);
    }
    if (status >= 400 && json !== undefined && json.status !== status)
      faults.push(`the problem says ${json.status}, the answer ${status}`);
    return { faults, json };
  }

  #read(status, headers, body, text, { content = {} }) {
    if (status === 204 || Object.keys(content).length === 0)
      return { fault: body.length > 0 ? `a body with ${status}` : undefined };
    const type = mediaOf(headers['content-type'] ?? '');
    const known = Object.entries(content).find(([name]) => mediaOf(name) === type);
    if (known === undefined) return { fault: `type "${type}" of ${status} is not documented` };
    try {
      if (type === 'application/x-ndjson')
        text
          .split('\n')
          .filter(Boolean)
          .forEach((line) => JSON.parse(line));
      if (type === 'application/vnd.apache.parquet' && !text.startsWith('PAR1')) return { fault: 'no parquet' };
      return {
        media: known[1],
        json: type.endsWith('json') && !type.endsWith('ndjson') ? JSON.parse(text) : undefined,
      };
    } catch {
      return { fault: `body of ${status} is no ${type}` };
    }
  }

  #invalid(schema, json) {
    const key = JSON.stringify(schema);
    let check = this.#checks.get(key);
    if (check === undefined) {
      check = this.#ajv.compile(JSON.parse(JSON.stringify(closed(schema)).replaceAll('"#/', '"millrace#/')));
      this.#checks.set(key, check);
    }
    if (check(json)) return undefined;
    const [{ instancePath, message, params }] = check.errors;
    const extra = params.additionalProperty === undefined ? '' : ` (${params.additionalProperty})`;
    return `${instancePath.replaceAll(/\/\d+/g, '/*')} ${message}${extra}`;
  }

  /** What an error says is checked for all of the inside; what a reader asked for may hold anything that senders wrote. */
  #leaks(status, text, json, wire, namesStores = false) {
    const faults = [];
    const told = json === undefined ? text : textsOf(json).join('\n');
    const said = saidBy(wire);
    if (PASSWD.test(told)) faults.push('a file of the machine');
    if (told.includes(this.hidden.folder)) faults.push('the folder of the data');
    if (told.includes(this.hidden.secret) && !said.includes(this.hidden.secret)) faults.push("another tenant's data");
    if (status < 400) return faults;
    for (const pattern of INSIDE) {
      const found = pattern.exec(told)?.[0];
      // What the sender wrote may come back, and who asks for the stores' health is told their names.
      if (found !== undefined && !said.includes(found) && !(namesStores && found === 'postgres'))
        faults.push(`the inside of the server: ${found.slice(0, 60)}`);
    }
    return faults;
  }
}

/** Every text of a JSON value, names of fields included. */
const textsOf = (json) =>
  typeof json === 'object' && json !== null
    ? Object.entries(json).flatMap(([key, part]) => [key, ...textsOf(part)])
    : [String(json)];

/** All that a request said, as the server reads it. */
function saidBy({ target, headers, body }) {
  const parts = [target, ...Object.values(headers)];
  const plain = parts.map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return [...parts, ...plain, body === undefined ? '' : bodyTexts(body.toString())].join('\n');
}

const bodyTexts = (body) => {
  try {
    return `${body}\n${textsOf(JSON.parse(body)).join('\n')}`;
  } catch {
    return body;
  }
};
