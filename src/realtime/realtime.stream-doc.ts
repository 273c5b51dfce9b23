// How does the contract describe a stream? OpenAPI knows no messages: the text of one is the example, and each kind names its schema.
import { type ApiResponseOptions, getSchemaPath } from '@nestjs/swagger';
import * as dto from './realtime.dto';

const KINDS: Readonly<Record<string, readonly [schema: new () => object, when: string]>> = {
  snapshot: [dto.RealtimeDto, 'at the beginning, and after a gap: what `GET /realtime` answers'],
  event: [dto.LiveEventDto, 'each stored event, of the chosen names'],
  stats: [dto.LiveStatsDto, 'each second in which a figure changed'],
  heartbeat: [dto.LiveHeartbeatDto, 'each 15 seconds'],
  gap: [dto.LiveGapDto, 'events may be missing; a `snapshot` follows'],
  dropped: [dto.LiveDroppedDto, 'to a reader that comes back: why its last stream was ended'],
  bye: [dto.LiveByeDto, 'the last message of a stream that the server ends'],
};

const list = Object.entries(KINDS).map(([kind, [schema, when]]) => `- \`${kind}\` (\`${schema.name}\`): ${when}`);

const EXAMPLE = `retry: 2000

id: 8f14e45fceea-41
event: snapshot
data: {"data":{"visitors5m":3,"visitors30m":9,"minutes":[],"pages":[],"referrers":[],"countries":[],"events":[]},"meta":{"from":"2026-03-01T09:00:00.001Z","to":"2026-03-01T09:30:00.001Z","timezone":"UTC","interval":"minute"}}

id: 8f14e45fceea-42
event: event
data: {"id":"0198f2a4-7c1e-7a3b-9c55-2f6f0b1d9e10","name":"pageview","path":"/pricing"}

`;

/** The answer of the stream's route. `x-messages` names the schema of each kind's data. */
export const streamResponse: ApiResponseOptions = {
  description: 'A stream that lasts until one side ends it',
  content: {
    'text/event-stream': {
      schema: {
        type: 'string',
        description: `Messages with \`id\`, \`event\` and one line of JSON as \`data\`:\n\n${list.join('\n')}`,
      },
      example: EXAMPLE,
    },
  },
  'x-messages': Object.fromEntries(
    Object.entries(KINDS).map(([kind, [schema]]) => [kind, { $ref: getSchemaPath(schema) }]),
  ),
} as ApiResponseOptions;
