/** Writes a `.br` and a `.gz` beside each text of the built app: compressed once, not at each request. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const TEXT = /\.(js|css|html|svg|json|txt)$/;
const LEAST_BYTES = 1024; // smaller files fit one packet as they are

for (const name of readdirSync('dist', { recursive: true })) {
  const path = join('dist', name);
  if (!TEXT.test(name) || statSync(path).size < LEAST_BYTES) continue;
  const content = readFileSync(path);
  writeFileSync(`${path}.br`, brotliCompressSync(content));
  writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
}
