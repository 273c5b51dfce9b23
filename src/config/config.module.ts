// How does every feature get at the checked configuration? By asking for `Env` or `StoreUrls` in a constructor.
import { Module, type DynamicModule } from '@nestjs/common';
import { Env, StoreUrls } from './env';

/** Provides `Env` and `StoreUrls` everywhere. */
@Module({})
export class ConfigModule {
  /** @param env checked configuration; @param urls of the stores, embedded ones included */
  static forRoot(env: Env, urls: StoreUrls): DynamicModule {
    return {
      module: ConfigModule,
      global: true,
      providers: [
        { provide: Env, useValue: env },
        { provide: StoreUrls, useValue: urls },
      ],
      exports: [Env, StoreUrls],
    };
  }
}
