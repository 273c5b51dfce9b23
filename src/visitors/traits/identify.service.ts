// Who is a user, and which visitor is one? Keeps what a server says about its users, and links visitors to them.
import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock';
import { VisitorLinker } from '../../events';
import { hashIdentifier } from '../../events/pipeline';
import type { Project } from '../../projects';
import type { IdentifiedDto, IdentifyDto } from './identify.dto';
import { toTraitChange, tooManyTraits } from './trait-change';
import { TraitsRepository } from './traits.repository';

@Injectable()
export class IdentifyService {
  constructor(
    private readonly traits: TraitsRepository,
    private readonly linker: VisitorLinker,
    private readonly clock: Clock,
  ) {}

  /** Links, then changes traits: a link that is made again does no harm, a sum that is added again would.
   *  @throws invalidInput; storeUnavailable, and then no trait was changed */
  async identify(project: Project, { userId, visitorId, traits, add, once }: IdentifyDto): Promise<IdentifiedDto> {
    const change = toTraitChange({
      ...(traits === undefined ? {} : { set: traits }),
      ...(add === undefined ? {} : { add }),
      ...(once === undefined ? {} : { once }),
    });
    const user = hashIdentifier(project, 'u', userId);
    const visitor = visitorId === undefined ? null : hashIdentifier(project, 'v', visitorId);
    if (visitor !== null) await this.linker.link(project, visitor, user);
    const changes = [traits, add, once].some((values) => Object.keys(values ?? {}).length > 0);
    if (changes && !(await this.traits.change(project.id, user, change, this.clock.now()))) throw tooManyTraits();
    return { id: user, visitorId: visitor };
  }
}
