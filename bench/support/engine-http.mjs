// How does a measurement ask ClickHouse itself? Over HTTP, as anybody would, with what the engine says of the work.
import { request } from 'node:http';

/** ClickHouse at a URL with user, password and database. */
export class EngineHttp {
  #url;
  #headers;

  constructor(url) {
    this.#url = new URL(url);
    this.#headers = {
      'x-clickhouse-user': decodeURIComponent(this.#url.username),
      'x-clickhouse-key': decodeURIComponent(this.#url.password),
      'x-clickhouse-database': this.#url.pathname.slice(1) || 'default',
    };
  }

  /** Runs a statement, however long it takes.
   *  @param settings of this statement @returns its answer's text @throws Error with the engine's words */
  run(sql, settings = {}) {
    const query = new URLSearchParams(Object.entries(settings).map(([name, value]) => [name, String(value)]));
    return new Promise((resolve, reject) => {
      // Not fetch: its patience for an answer's head ends after five minutes.
      const asked = request(
        { host: this.#url.hostname, port: this.#url.port, path: `/?${query}`, method: 'POST', headers: this.#headers },
        (answer) => {
          const parts = [];
          answer.on('data', (part) => parts.push(part));
          answer.on('error', reject);
          answer.on('end', () => {
            const text = Buffer.concat(parts).toString('utf8');
            if (answer.statusCode === 200) resolve(text);
            else reject(new Error(text.trim().slice(0, 2_000)));
          });
        },
      );
      asked.on('error', reject);
      asked.end(sql);
    });
  }

  /** Rows of a query as objects, and what it cost. @returns {Promise<{ rows: object[], ms: number, readRows: number, readBytes: number }>} */
  async query(sql, settings = {}) {
    const startedAt = performance.now();
    const text = await this.run(`${sql}\nFORMAT JSON`, { output_format_json_quote_64bit_integers: 0, ...settings });
    const ms = performance.now() - startedAt;
    const { data, statistics } = JSON.parse(text);
    return { rows: data, ms, readRows: statistics?.rows_read, readBytes: statistics?.bytes_read };
  }
}
