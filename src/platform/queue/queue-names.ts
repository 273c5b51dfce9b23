// Which queues are there? Every one is named here, so that none is made by a slip of the pen.

/** What each queue is for; the keys are their names. */
export const QUEUES = {
  jobs: 'Jobs that a client was told about: erasing, backfills',
  maintenance: 'Regular work of the server itself',
  aggregation: 'Projects whose horizon moves',
  rebuild: 'Days that are derived again, one at a time',
  webhooks: 'Messages to receivers outside, one try a job',
} as const;

/** The name of a queue. */
export type QueueName = keyof typeof QUEUES;

/** All names. */
export const QUEUE_NAMES = Object.keys(QUEUES) as readonly QueueName[];
