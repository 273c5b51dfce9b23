// What other features may use of authentication, limits and idempotency.
export { recordChange } from './auth-changes';
export { AuthModule } from './auth.module';
export {
  PROJECT_KEY_KINDS,
  SCOPES,
  SCOPES_OF_KIND,
  type KeyKind,
  type ProjectKeyKind,
  type RequestAuth,
  type RequestKey,
  type Scope,
} from './auth.types';
export {
  ByTicket,
  CurrentKey,
  CurrentProject,
  FromBrowser,
  Public,
  RequireScope,
  RequireScopeOn,
  RequireScopeOrRoot,
  RootOnly,
} from './decorators';
export { Idempotent } from './idempotency/idempotent.decorator';
export { KeyDirectory } from './key-directory';
export { KEY_PARAMETER } from './credentials';
export { KeysService, type KeyWish, type MadeKey } from './keys/keys.service';
export { LocalAccess } from './local-access';
export { RootKey } from './root-key';
export { EventThrottle } from './throttle/event-throttle';
export { Tickets } from './tickets';
