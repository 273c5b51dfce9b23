// How does a page open a stream without a key? Its server makes a ticket with a key; the page brings it once.
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { createHash, randomBytes } from 'node:crypto';
import { KeyDirectory, type RequestAuth, type RequestKey, Tickets } from '../../auth';
import type { Project } from '../../projects/projects.types';
import type { TicketDto } from '../realtime.dto';
import { RealtimeOptions } from '../realtime.options';
import { StreamKeysRepository } from './stream-keys.repository';

const RANDOM_BYTES = 32;
const FORM = /^mrt_[\w-]{43}$/;
const ROOT = 'root';

@Injectable()
export class TicketsService implements OnModuleInit {
  constructor(
    private readonly repository: StreamKeysRepository,
    private readonly directory: KeyDirectory,
    private readonly options: RealtimeOptions,
    private readonly tickets: Tickets,
  ) {}

  onModuleInit(): void {
    this.tickets.redeemedBy((text) => this.redeem(text));
  }

  /** A new ticket of a project, in the name of a key. @throws storeUnavailable */
  async make(project: Project, key: RequestKey): Promise<TicketDto> {
    const ticket = `mrt_${randomBytes(RANDOM_BYTES).toString('base64url')}`;
    const used = { projectId: project.id, keyId: key.id };
    const expiresAt = await this.repository.addTicket(hashOf(ticket), used, this.options.ticketMs);
    return { ticket, expiresAt: new Date(expiresAt).toISOString() };
  }

  /** Whose ticket it is, while its key still works; it works no more then. It may do nothing but read figures.
   *  @throws storeUnavailable */
  async redeem(text: string): Promise<RequestAuth | undefined> {
    if (!FORM.test(text)) return undefined;
    const used = await this.repository.useTicket(hashOf(text));
    if (used === undefined) return undefined;
    const { keyId, projectId } = used;
    if (keyId !== ROOT && !(await this.repository.working([keyId])).has(keyId)) return undefined;
    const project = await this.directory.project(projectId);
    if (project === undefined) return undefined;
    return { key: { id: keyId, kind: keyId === ROOT ? 'root' : 'sec', scopes: ['stats:read'], projectId }, project };
  }
}

const hashOf = (ticket: string): Buffer => createHash('sha256').update(ticket).digest();
