// What is a server whose deriving is in a hurry? `serve()` of `dist/main.js` with small measures of time, that ends itself in the middle of a
// step when it is told to (SIGUSR2): the way that a power cut would.
//   QUICK_BEGAN: when the run began, milliseconds since the epoch; QUICK_STEPS: a file that gets a line for each step, and for each end;
//   QUICK_WITHIN: in how many steps at most; QUICK_END: the horizon is to come as close as it may
import { ModuleRef } from '@nestjs/core';
import { randomInt } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);
const { serve } = load('../../dist/main.js');
const { AggregationOptions } = load('../../dist/aggregation/aggregation.options.js');
const { AggregationProcessor } = load('../../dist/aggregation/aggregation.processor.js');
const { ChangeTimes } = load('../../dist/events/changes/change-times.js');
const { LinkSpreader } = load('../../dist/events/changes/link-spreader.js');
const { Queues } = load('../../dist/platform/queue/queues.js');

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
/** At first the horizon is so far behind, and it comes closer at this speed, so that it moves all the time and passes midnights. */
const FIRST_LAG_MS = 50 * HOUR_MS;
const LEAST_LAG_MS = 30 * MINUTE_MS;
const SPEED = 300;

const began = Number(process.env.QUICK_BEGAN);
const note = (line) => appendFileSync(process.env.QUICK_STEPS, `${line}\n`);

/** How many steps from now this process ends itself; undefined: it does not. */
let left;
process.on('SIGUSR2', () => (left = randomInt(1, Number(process.env.QUICK_WITHIN) + 1)));

const times = { viewMs: 300, leaseMs: 1_500, marginMs: 300, insertMs: Number(process.env.INSERT_TIMEOUT_MS) };
const options = {
  graceMs: times.viewMs + times.insertMs + times.marginMs,
  get lagMs() {
    if (process.env.QUICK_END !== undefined) return LEAST_LAG_MS;
    return Math.max(LEAST_LAG_MS, FIRST_LAG_MS - (Date.now() - began) * SPEED);
  },
  busyEvents: 1,
  quietMs: SECOND_MS,
  fewestEvents: 5,
  fewestOfProject: 0,
  countEveryMs: 500,
  turnMs: 500,
  longestRestMs: 100,
  afterFailureMs: SECOND_MS,
  onStep(step) {
    note(step);
    if (left === undefined || (left -= 1) > 0) return;
    note(`ended ${step}`);
    process.kill(process.pid, 'SIGKILL');
  },
};

// A worker that died is missed after two seconds, not after a minute: nearly every life of a process gets to work then.
const { process: work } = Queues.prototype;
Queues.prototype.process = function (name, handler, given = {}) {
  const { backend } = this;
  this.backend = {
    worker: (queue, job, how) =>
      backend.worker(queue, job, {
        ...how,
        lockDuration: 2 * SECOND_MS,
        stalledInterval: SECOND_MS,
        maxStalledCount: 1e6,
      }),
  };
  work.call(this, name, handler, given);
  this.backend = backend;
};

/** The module of a team that is in a hurry. */
class Quick {}
const hurry = {
  module: Quick,
  providers: [
    {
      provide: 'hurry',
      inject: [ModuleRef],
      useFactory: (app) => {
        let timer;
        const find = (type) => app.get(type, { strict: false });
        const every = async () => {
          await Promise.allSettled([find(AggregationProcessor).look(), find(LinkSpreader).spread()]);
          timer = setTimeout(() => void every(), 500).unref();
        };
        return {
          onModuleInit() {
            Object.defineProperties(find(AggregationOptions), Object.getOwnPropertyDescriptors(options));
            Object.assign(find(ChangeTimes), times);
          },
          onApplicationBootstrap: () => void every(),
          onModuleDestroy: () => clearTimeout(timer),
        };
      },
    },
  ],
};

await serve({ imports: [hurry] });
