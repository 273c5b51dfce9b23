// What could an answer look like, where nobody wrote an example? Put together from the schema: its own examples first.

type Json = Record<string, unknown>;

const BY_FORMAT: Readonly<Record<string, string>> = {
  uuid: '0198f2a4-7c1e-7a3b-9c55-2f6f0b1d9e10',
  'date-time': '2026-03-01T09:30:00.250Z',
  date: '2026-03-01',
  uri: 'https://shop.example/shoes',
  decimal: '19.99',
};

const MAX_DEPTH = 12;

/** A value that the schema allows.
 *  @param schemas components that `$ref` may name */
export function exampleOf(schema: Json, schemas: Json, depth = 0): unknown {
  if (depth > MAX_DEPTH) return null;
  const next = (inner: unknown): unknown => exampleOf(inner as Json, schemas, depth + 1);
  if (typeof schema.$ref === 'string') return next(schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {});
  if (schema.example !== undefined) return schema.example;
  if (Array.isArray(schema.examples) && schema.examples.length > 0) return schema.examples[0];
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (Array.isArray(schema.enum)) return schema.enum[0];
  if (Array.isArray(schema.allOf)) return Object.assign({}, ...schema.allOf.map(next), ownProperties(schema, next));
  const [choice] = [schema.oneOf, schema.anyOf].filter(Array.isArray);
  if (choice !== undefined) return next(choice[0]);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case 'object':
      return ownProperties(schema, next);
    case 'array':
      return schema.items === undefined ? [] : [next(schema.items)];
    case 'integer':
    case 'number':
      return schema.minimum ?? 0;
    case 'boolean':
      return true;
    case 'string':
      return BY_FORMAT[String(schema.format)] ?? 'text';
    default:
      return null;
  }
}

/** What a client would send: what must be given, and what has an example or a default of its own. */
export function requestExampleOf(schema: Json, schemas: Json): unknown {
  const named = typeof schema.$ref === 'string' ? schemas[schema.$ref.split('/').at(-1) ?? ''] : schema;
  const whole = exampleOf(schema, schemas);
  const {
    properties,
    required = [],
    examples,
  } = (named ?? {}) as {
    properties?: Record<string, Json>;
    required?: string[];
    examples?: unknown;
  };
  if (properties === undefined || examples !== undefined) return whole;
  return Object.fromEntries(
    Object.entries(whole as Json).filter(
      ([name]) =>
        required.includes(name) ||
        ['example', 'examples', 'default'].some((key) => properties[name]?.[key] !== undefined),
    ),
  );
}

const ownProperties = (schema: Json, next: (inner: unknown) => unknown): Json =>
  Object.fromEntries(Object.entries((schema.properties ?? {}) as Json).map(([name, inner]) => [name, next(inner)]));
