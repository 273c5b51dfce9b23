// Whose key is this? Answered from memory for a key that was seen before; what changes elsewhere is known within about a second.
import { Injectable, Logger, type OnModuleInit, type OnModuleDestroy } from '@nestjs/common';
import { Clock } from '../common/clock';
import { MINUTE_MS } from '../common/time-range';
import { Postgres } from '../platform/postgres/postgres';
import type { Project } from '../projects/projects.types';
import { BoundedMap } from './bounded-map';
import { KeysRepository, type KnownKey } from './keys.repository';

const MOST_KEYS = 50_000;
const MOST_PROJECTS = 10_000;
const MOST_UNKNOWN = 20_000;
const UNKNOWN_FOR_MS = MINUTE_MS;
/** The contract allows 5 s until a revocation holds everywhere. */
const POLL_EVERY_MS = 1_000;
const TOUCH_EVERY_MS = 10_000;
/** `lastUsedAt` is exact to this. */
const TOUCH_GRAIN_MS = MINUTE_MS;
const MOST_TOUCHED = 10_000;
const WARN_AFTER_FAILURES = 5;

/** Keys and projects by what a request brings. Reads no store for what it knows, and goes on knowing it while Postgres is away:
 *  then revocations elsewhere can't be heard of, and traffic is worth more than their delay. Expiry holds all the same. */
@Injectable()
export class KeyDirectory implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(KeyDirectory.name);
  private readonly keys = new BoundedMap<string, KnownKey>(MOST_KEYS, (hash, known) => this.forget(hash, known));
  private readonly hashesOf = new Map<string, Set<string>>();
  private readonly projects = new BoundedMap<string, Project>(MOST_PROJECTS);
  private readonly unknown = new BoundedMap<string, number>(MOST_UNKNOWN);
  private readonly asking = new Map<string, Promise<KnownKey | undefined>>();
  private readonly listeners: ((projectId: string | undefined) => void)[] = [];
  private readonly used = new Map<string, number>();
  private readonly noted = new BoundedMap<string, number>(MOST_KEYS);
  private version = 0;
  /** Grows with every change that was heard of: a read that began before is not kept. */
  private epoch = 0;
  private failures = 0;
  private timers: NodeJS.Timeout[] = [];
  private polling: Promise<void> = Promise.resolve();
  private refreshing: Promise<void> = Promise.resolve();

  constructor(
    private readonly repository: KeysRepository,
    private readonly postgres: Postgres,
    private readonly clock: Clock,
  ) {}

  async onModuleInit(): Promise<void> {
    this.version = (await this.repository.changesAfter(0)).version;
    this.timers = [
      setInterval(() => void this.poll(), POLL_EVERY_MS),
      setInterval(() => void this.writeUsed().catch(() => undefined), TOUCH_EVERY_MS),
    ];
    for (const timer of this.timers) timer.unref();
    this.postgres.beforeClose(() => this.writeUsed());
  }

  async onModuleDestroy(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    await this.polling;
  }

  /** What is remembered of a key; undefined says nothing about whether it exists. */
  remembered(hash: Buffer): KnownKey | undefined {
    const known = this.keys.get(hash.toString('base64'));
    if (known !== undefined) this.noteUse(known.key.id);
    return known;
  }

  /** Whether the key was looked for a moment ago and was not there. */
  isKnownUnknown(hash: Buffer): boolean {
    const until = this.unknown.get(hash.toString('base64'));
    return until !== undefined && until > this.clock.now();
  }

  /** The key, read from the store; undefined where there is none.
   *  @throws storeUnavailable */
  async find(hash: Buffer): Promise<KnownKey | undefined> {
    const text = hash.toString('base64');
    const running = this.asking.get(text);
    if (running !== undefined) return running;
    const reading = this.read(text, hash).finally(() => this.asking.delete(text));
    this.asking.set(text, reading);
    const known = await reading;
    if (known !== undefined) this.noteUse(known.key.id);
    return known;
  }

  /** A project by its id, unless it is being deleted. Remembered like keys.
   *  @throws storeUnavailable where it is not remembered and Postgres is away */
  async project(id: string): Promise<Project | undefined> {
    const remembered = this.projects.get(id);
    if (remembered !== undefined) return remembered;
    const { epoch } = this;
    const project = await this.repository.findProject(id);
    if (project !== undefined && epoch === this.epoch) this.projects.set(id, project);
    return project;
  }

  /** Calls `listener` with the id of each project that changed, here or elsewhere, or whose keys did; with undefined where all may have. */
  onChange(listener: (projectId: string | undefined) => void): void {
    this.listeners.push(listener);
  }

  /** Brings what is remembered of a project up to date; call it after a change was committed, so that it holds here at once. */
  async changed(projectId: string): Promise<void> {
    try {
      await this.refresh(projectId);
    } catch {
      // The change is made and must hold; what can't be read again now is forgotten.
      this.forgetProject(projectId);
      this.tell(projectId);
    }
  }

  /** Reads what changed elsewhere. Runs by itself; one at a time. */
  poll(): Promise<void> {
    this.polling = this.polling.then(() => this.readChanges());
    return this.polling;
  }

  private async readChanges(): Promise<void> {
    try {
      const { version, projectIds } = await this.repository.changesAfter(this.version);
      if (projectIds === undefined) this.forgetAll();
      else for (const id of projectIds) await this.refresh(id);
      this.version = version;
      this.failures = 0;
    } catch {
      this.failures += 1;
      if (this.failures === WARN_AFTER_FAILURES)
        this.logger.warn('changes to keys and projects cannot be read; what is remembered stays in force');
    }
  }

  private async read(text: string, hash: Buffer): Promise<KnownKey | undefined> {
    const { epoch } = this;
    const known = (await this.repository.findByHash([hash])).get(text);
    // A change was heard of while we read: what we read may be from before it, and is not kept.
    if (epoch !== this.epoch)
      return known === undefined ? undefined : (await this.repository.findByHash([hash])).get(text);
    if (known === undefined) this.unknown.set(text, this.clock.now() + UNKNOWN_FOR_MS);
    else this.remember(text, known);
    return known;
  }

  /** TRICKY: one at a time; of two that overlap, the one that read first could write last. */
  private refresh(projectId: string): Promise<void> {
    const next = this.refreshing.then(() => this.readAgain(projectId));
    this.refreshing = next.catch(() => undefined);
    return next;
  }

  private async readAgain(projectId: string): Promise<void> {
    this.epoch += 1;
    this.unknown.clear();
    const hashes = [...(this.hashesOf.get(projectId) ?? [])];
    const project =
      this.projects.get(projectId) === undefined ? undefined : await this.repository.findProject(projectId);
    const fresh =
      hashes.length === 0
        ? new Map<string, KnownKey>()
        : await this.repository.findByHash(hashes.map((hash) => Buffer.from(hash, 'base64')));
    this.forgetProject(projectId);
    for (const [hash, known] of fresh) this.remember(hash, known);
    if (project !== undefined) this.projects.set(projectId, project);
    this.tell(projectId);
  }

  private tell(projectId: string | undefined): void {
    for (const listener of this.listeners) listener(projectId);
  }

  private remember(hash: string, known: KnownKey): void {
    this.keys.set(hash, known);
    const { id } = known.project;
    this.hashesOf.set(id, (this.hashesOf.get(id) ?? new Set()).add(hash));
  }

  private forget(hash: string, known: KnownKey): void {
    const hashes = this.hashesOf.get(known.project.id);
    hashes?.delete(hash);
    if (hashes?.size === 0) this.hashesOf.delete(known.project.id);
  }

  private forgetProject(projectId: string): void {
    this.epoch += 1;
    for (const hash of this.hashesOf.get(projectId) ?? []) this.keys.delete(hash);
    this.hashesOf.delete(projectId);
    this.projects.delete(projectId);
  }

  private forgetAll(): void {
    this.epoch += 1;
    this.keys.clear();
    this.hashesOf.clear();
    this.projects.clear();
    this.unknown.clear();
    this.tell(undefined);
  }

  private noteUse(keyId: string): void {
    const now = this.clock.now();
    if (now - (this.noted.get(keyId) ?? 0) < TOUCH_GRAIN_MS || this.used.size >= MOST_TOUCHED) return;
    this.noted.set(keyId, now);
    this.used.set(keyId, now);
  }

  private async writeUsed(): Promise<void> {
    if (this.used.size === 0) return;
    const batch = new Map(this.used);
    this.used.clear();
    await this.repository.touch(batch);
  }
}
