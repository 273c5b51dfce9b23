// Does the lockfile name the packages of every platform? A registry mirror that carries one platform's only makes npm leave the others
// out, and `npm ci` then refuses the lockfile. This adds them, at the exact versions that their parents ask for. Run it after `npm install`.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './prepare.mjs';

const path = join(root, 'package-lock.json');
const lock = JSON.parse(readFileSync(path, 'utf8'));
const known = new Set(Object.keys(lock.packages).map((key) => key.split('node_modules/').at(-1)));

const OS = /\b(darwin|linux|win32|freebsd|openbsd|android|openharmony|aix|sunos|netbsd)\b/;
const CPU = /\b(arm64|arm|x64|ia32|ppc64|s390x|riscv64|loong64|mips64el)\b/;

let added = 0;
for (const [parent, entry] of Object.entries(lock.packages)) {
  if (parent === '') continue;
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const os = OS.exec(name)?.[1];
    const cpu = CPU.exec(name)?.[1];
    if (known.has(name) || os === undefined || cpu === undefined || !/^\d/.test(version)) continue;
    const libc = /musl/.test(name) ? ['musl'] : os === 'linux' && /gnu/.test(name) ? ['glibc'] : undefined;
    const flags = { ...(entry.dev ? { dev: true } : {}), optional: true };
    lock.packages[`node_modules/${name}`] = { version, cpu: [cpu], ...flags, ...(libc ? { libc } : {}), os: [os] };
    known.add(name);
    added += 1;
  }
}
const [own, ...rest] = Object.entries(lock.packages);
rest.sort(([a], [b]) => a.localeCompare(b, 'en'));
lock.packages = Object.fromEntries([own, ...rest]);
if (added > 0) writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`${added} packages of other platforms added to the lockfile\n`);
