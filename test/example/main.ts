// The shop's own program: Millrace as it is, with one more module. Build it beside Millrace and start it in place of dist/main.js.
import { serve } from '../../src/main';
import { ShopModule } from './shop.module';

void serve({ imports: [ShopModule] });
