// Which process is this, among all that share the stores?
import { Injectable } from '@nestjs/common';
import { randomBytes } from 'node:crypto';

@Injectable()
export class ThisProcess {
  /** Another one at each start. */
  readonly name = randomBytes(9).toString('base64url');
}
