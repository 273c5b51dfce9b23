import * as fc from 'fast-check';
import { ServerError } from './errors';
import { tokens } from './lexer';
import { setStatement } from './settings';
import { look } from './statement';

const refusal = (sql: string): number | undefined => {
  try {
    look(sql);
    return undefined;
  } catch (error) {
    return (error as ServerError).code;
  }
};

describe('what a statement is', () => {
  it.each([
    ['SELECT 1', 'rows', true],
    ['(SELECT 1) UNION ALL (SELECT 2)', 'rows', true],
    ['/* x */ -- y\n with 1 AS x SELECT x', 'rows', true],
    ['FROM t SELECT a', 'rows', true],
    ['SHOW TABLES', 'other', true],
    ['EXPLAIN SELECT 1', 'other', true],
    ['INSERT INTO t SELECT 1', 'other', false],
    ['INSERT INTO t VALUES (1)', 'other', false],
    ['WITH 1 AS x INSERT INTO t SELECT x', 'other', false],
    ['INSERT INTO t (a, format) FORMAT CSV\n1,2', 'insert', false],
    ['insert into t settings max_threads = 1 format JSONEachRow {"a":1}', 'insert', false],
    ['DROP TABLE t', 'other', false],
    ["KILL QUERY WHERE query_id = 'a'", 'kill', false],
  ])('%s', (sql, kind, reads) => {
    expect(look(sql)).toMatchObject({ kind, reads });
  });

  it('finds where data begin and where FROM INFILE fits', () => {
    const sql = 'INSERT INTO t (a) SETTINGS x = 1 FORMAT TSV \t\r\n\n; rest';
    const { insert } = look(sql);
    expect(sql.slice(insert!.dataAt)).toBe('\n; rest');
    expect(sql.slice(insert!.infileAt)).toMatch(/^SETTINGS/);
    expect(insert!.format).toBe('TSV');
  });

  it('takes a column named format for a column', () => {
    expect(look('SELECT format FROM t').format).toBeUndefined();
    expect(look('INSERT INTO t SELECT format FROM u').insert).toBeUndefined();
    expect(look('SELECT (SELECT 1 FORMAT) FORMAT CSV SETTINGS a = 1').format).toMatchObject({ name: 'CSV' });
  });

  it('names parameters, not those in strings and comments', () => {
    const { parameters } = look("SELECT {a:String}, '{b:String}', { `c` :Int8} /* {d:Int8} */");
    expect([...parameters]).toEqual(['a', 'c']);
  });

  it.each([
    ["SELECT * FROM file('x')", 497],
    ["SELECT * FROM FiLe /**/ -- x\n ('x')", 497],
    ['SELECT * FROM "url"(\'x\')', 497],
    ["SELECT * FROM url\xe3\x80\x80('x')", 497],
    ['CREATE TABLE t (a Int8) ENGINE = File(CSV)', 497],
    ['CREATE DICTIONARY d (a Int8) PRIMARY KEY a SOURCE(HTTP(url 1))', 497],
    ["SELECT 1 INTO /**/ OUTFILE 'x'", 497],
    ["INSERT INTO t FROM INFILE 'x' FORMAT CSV", 497],
    ["SELECT 'file(1)', `a` -- url(1)", undefined],
    ['INSERT INTO url (a) VALUES (1)', undefined],
    ['INSERT INTO FUNCTION url (1) VALUES (1)', 497],
    ['SELECT 1; DROP TABLE t', 62],
    ["SELECT 'a\\'; DROP TABLE t'", undefined],
    ["SELECT 'a'';' ;; -- end", undefined],
    ["SELECT 'a\\\\'; DROP TABLE t", 62],
    ['SELECT $x$ ; $x$', undefined],
    ['SELECT \xe2\x80\x98;\xe2\x80\x99', undefined],
    ['SELECT /* /* ; */ ; */ 1', undefined],
    ['  -- nothing', 62],
  ])('%s is refused with %s', (sql, code) => {
    expect(refusal(sql)).toBe(code);
  });

  it('cuts any text into tokens that follow one another', () =>
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'\'"`\\;(){}$/*-# \nab1\xe2\x80\x98\x99'), maxLength: 60 }),
        (text) => {
          let at = 0;
          for (const { start, end } of tokens(text)) {
            expect(start).toBeGreaterThanOrEqual(at);
            expect(end).toBeGreaterThan(start);
            at = end;
          }
          expect(at).toBeLessThanOrEqual(text.length);
        },
      ),
    ));

  it('quotes any value of a setting as one string', () =>
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        const sql = setStatement(new Map([['log_comment', a]]), new Map([['p', b]]))!;
        const strings = [...tokens(Buffer.from(sql).toString('latin1'))].filter(({ kind }) => kind === 'string');
        expect(strings).toHaveLength(2);
        expect(look(Buffer.from(sql).toString('latin1')).words[0]).toBe('SET');
      }),
    ));
});
