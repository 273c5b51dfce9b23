// Which values does a JSON schema allow? An arbitrary of fast-check for each; what a schema can't tell (which metrics there are) a vocabulary knows.
import fc from 'fast-check';
import { resolved } from './document.mjs';

const DAY_MS = 86_400_000;

/** Texts as people and programs send them: mostly plain, sometimes any of Unicode that can be stored. */
const text = (min, max) => {
  const maxLength = Math.min(max, 60);
  return fc
    .oneof(
      { weight: 4, arbitrary: fc.stringMatching(/^[a-z][a-z0-9 _./-]*$/, { maxLength }) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength }).map((value) => value.replaceAll('\0', '0')) },
    )
    .map((value) => (value.length < min ? value.padEnd(min, 'x') : [...value].slice(0, max).join('')));
};

const time = fc.integer({ min: -60 * DAY_MS, max: 0 }).map((back) => new Date(Date.now() + back).toISOString());

const formats = {
  uuid: fc.uuid(),
  'date-time': time,
  date: time.map((value) => value.slice(0, 10)),
  uri: fc.constantFrom('https://www.example.com', 'http://shop.example:8080'),
  'uri-reference': fc.constantFrom('https://shop.example/shoes?utm_source=mail', '/pricing', '/blog/a%20b?x=1#top'),
  decimal: fc.constantFrom('19.99', '-5', '0', '0.0001', '99999999999999.9999'),
  currency: fc.constantFrom('EUR', 'USD', 'JPY'),
  ip: fc.oneof(fc.ipV4(), fc.ipV6()),
  locale: fc.constantFrom('en-GB', 'de', 'zh-Hant-TW'),
  timezone: fc.constantFrom('Europe/Berlin', 'Asia/Kathmandu', 'UTC'),
};

/** Any JSON, not deep. */
export const anyJson = fc.jsonValue({ maxDepth: 3, noUnicodeString: false });

/** Values that a schema allows.
 *  @param schema as in the document @param components of the document
 *  @param {(name: string | undefined, key: string) => fc.Arbitrary<any> | undefined} word what is known of a property beyond its schema, by the name of the component that has it
 *  @param {(name: string | undefined, value: any) => any} tidy makes a generated object of a component keep the rules that no schema tells */
export function valueOf(schema, components, word = () => undefined, tidy = (_, value) => value) {
  const { schema: found, name } = resolved(schema, components);
  const again = (part) => valueOf(part, components, word, tidy);
  const choices = found.anyOf ?? found.oneOf;
  if (choices !== undefined) return fc.oneof(...choices.map(again));
  if (found.enum !== undefined) return fc.constantFrom(...found.enum);
  if (Array.isArray(found.type)) return fc.oneof(...found.type.map((type) => again({ ...found, type })));
  switch (found.type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return found.format === 'date-time'
        ? time.map((value) => Date.parse(value))
        : fc.oneof(
            fc.integer({ min: found.minimum ?? 0, max: found.maximum ?? 2 ** 31 - 1 }),
            fc.integer({ min: found.minimum ?? 0, max: Math.min(found.maximum ?? 20, (found.minimum ?? 0) + 20) }),
          );
    case 'number':
      return fc.double({ min: found.minimum ?? -1e6, max: found.maximum ?? 1e6, noNaN: true });
    case 'string':
      if (formats[found.format] !== undefined) return formats[found.format];
      if (found.pattern !== undefined)
        return fc.stringMatching(new RegExp(found.pattern), { maxLength: found.maxLength });
      return text(found.minLength ?? 0, found.maxLength ?? 200);
    case 'array':
      return found.items === undefined || Object.keys(found.items).length === 0
        ? fc.array(anyJson, { maxLength: 3 })
        : (found.uniqueItems ? fc.uniqueArray : fc.array)(again(found.items), {
            minLength: found.minItems ?? 0,
            maxLength: Math.min(found.maxItems ?? 5, Math.max(found.minItems ?? 0, 5)),
          });
    case 'object':
      return objectOf(found, name, again, word).map((value) => tidy(name, value));
    default:
      return anyJson;
  }
}

function objectOf(schema, name, again, word) {
  const { properties, required = [], additionalProperties: others } = schema;
  if (properties !== undefined) {
    const fields = Object.entries(properties).map(([key, part]) => [key, word(name, key) ?? again(part)]);
    return fc.record(Object.fromEntries(fields), { requiredKeys: required });
  }
  const value = typeof others === 'object' ? again(others) : anyJson;
  return fc.dictionary(fc.stringMatching(/^[a-z][a-zA-Z0-9_]{0,12}$/), value, { maxKeys: 5 });
}
