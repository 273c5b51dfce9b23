// Which routes can be sent again without being done again?
import { applyDecorators, SetMetadata, UseInterceptors } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import { ApiProblems } from '../../platform/http/api-problems';
import { idempotencyKeyInUse, idempotencyKeyReused } from './idempotency.errors';
import { IdempotencyInterceptor } from './idempotency.interceptor';
import { PERSONAL_ANSWER } from './personal-answer';

/** The route honours `Idempotency-Key`: for 24 hours the same request gets the first answer, `Idempotency-Replayed: true`.
 *  @param personal whether the answer is about a person: it is forgotten when one of the project is erased */
export const Idempotent = ({ personal = false } = {}): MethodDecorator =>
  applyDecorators(
    SetMetadata(PERSONAL_ANSWER, personal),
    UseInterceptors(IdempotencyInterceptor),
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description:
        'Any text of your own, unique for this request. Sent again with the same body, the request is not done again: the first answer comes back for 24 hours',
      schema: { type: 'string', minLength: 1, maxLength: 255 },
    }),
    ApiProblems(idempotencyKeyInUse, idempotencyKeyReused),
  );
