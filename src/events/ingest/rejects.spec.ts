import type { Project } from '../../projects/projects.types';
import { rejectColumns, toReject } from './rejects';

const project = { id: 'p', number: 7, secret: Buffer.alloc(32, 1), settings: {} } as unknown as Project;
const AT = Date.UTC(2026, 2, 1);

const kept = (event: unknown): string => {
  const row = JSON.parse(toReject(project, event, 'invalid_event', [], AT).line) as string[];
  return row[rejectColumns.indexOf('payload')] ?? '';
};
const nested = (open: string, close: string, depth: number): unknown =>
  JSON.parse(`${open.repeat(depth)}1${close.repeat(depth)}`) as unknown;

describe('what is kept of a refused event', () => {
  it('is the event, without who it was', () => {
    expect(JSON.parse(kept({ name: 7, url: '/a', context: { ip: '203.0.113.7', locale: 'en' } }))).toEqual({
      name: 7,
      url: '/a',
      context: { locale: 'en' },
    });
    expect(kept({ name: 7, visitorId: 'somebody', userId: ['somebody'] })).not.toContain('somebody');
    expect(kept('{"visitorId":"somebody","ip":"203.0.113.7')).not.toMatch(/somebody|203/);
  });

  it.each([
    ['a list', nested('[', ']', 200_000)],
    ['an object', nested('{"a":', '}', 20_000)],
    ['a field', { name: nested('[', ']', 200_000) }],
    ['a visitor', { visitorId: nested('[', ']', 200_000) }],
    ['a part of the context', { context: nested('{"a":', '}', 20_000) }],
  ])('is the upper levels where %s is nested without end', (_what, event) => {
    const payload = kept(event);
    expect(() => JSON.parse(payload) as unknown).not.toThrow();
    expect(payload.length).toBeLessThan(1_000);
  });

  it('is the beginning of what is too much', () => {
    for (const event of [
      Array.from({ length: 100_000 }, () => 'entry'),
      Object.fromEntries(Array.from({ length: 100_000 }, (_, at) => [`key${at}`, at])),
      'x'.repeat(100_000),
    ])
      expect(kept(event).length).toBe(32_768);
  });

  it('can be found in a line of ten megabytes that is no JSON', () => {
    expect(JSON.parse(kept(`{"visitorId":"${'a'.repeat(10_000_000)}`))).toMatch(/^\{"visitorId":"[0-9a-f]{16}"$/);
  });

  it('holds names with a meaning in JavaScript like any other', () => {
    expect(kept(JSON.parse('{"__proto__":{"a":1},"constructor":2}'))).toBe('{"__proto__":{"a":1},"constructor":2}');
  });
});
