// What other features may use of authentication, limits and idempotency.
export { AuthModule } from './auth.module';
export { PROJECT_KEY_KINDS, SCOPES, SCOPES_OF_KIND, type KeyKind, type RequestKey, type Scope } from './auth.types';
export {
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
export { LocalAccess } from './local-access';
export { RootKey } from './root-key';
export { EventThrottle } from './throttle/event-throttle';
