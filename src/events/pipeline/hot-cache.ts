// What was this answer a moment ago? A small bounded memory for pure functions on the ingest path.

/** Remembers answers of a pure function, at most twice `size` of them. Recently used ones survive: two generations, the older one
 *  is forgotten as a whole. That costs one look-up a hit, where an exact LRU pays a deletion and an insertion each time. */
export class HotCache<Value> {
  private young = new Map<string, Value>();
  private old = new Map<string, Value>();

  constructor(private readonly size: number) {}

  /** The remembered answer, or undefined. */
  get(key: string): Value | undefined {
    const value = this.young.get(key);
    if (value !== undefined) return value;
    const aged = this.old.get(key);
    if (aged !== undefined) this.set(key, aged);
    return aged;
  }

  set(key: string, value: Value): void {
    if (this.young.size >= this.size) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(key, value);
  }

  /** How many answers are remembered, those of both generations counted. */
  get count(): number {
    return this.young.size + this.old.size;
  }
}
