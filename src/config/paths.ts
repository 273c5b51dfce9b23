// Where is the installed package on disk? For what must be found beside the code: SQL migrations, child processes, the build.
import { resolve } from 'node:path';

/** Absolute folder of the package, the same from `src/` (under a test) and from `dist/`.
 *  TRICKY: the one place that asks the module system where it is; on the day of ES modules it becomes `import.meta.dirname`. */
export const packageRoot = resolve(__dirname, '..', '..');

/** Absolute path of a compiled file, for a child process that Node has to run. */
export const compiled = (path: string): string => resolve(packageRoot, 'dist', path);
