import { loadEnv } from 'vite';
import { defineConfig } from 'vitest/config';

// The service's top-level paths; everything else in development is the app.
const SERVICE =
  '^/(auth|me|api-keys|genres|movies|ratings|recommendations|feedback|hidden|experiments|health|training-runs|insights|models|code-proposals|diagnostics|users|storage|openapi.json)(/|\\?|$)';

export default defineConfig(({ mode }) => {
  const { CINEFOLD_URL = 'http://127.0.0.1:8000' } = loadEnv(mode, '.', 'CINEFOLD_');
  const proxy = { [SERVICE]: { target: CINEFOLD_URL } };
  return {
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    server: { proxy },
    preview: { proxy },
    build: {
      target: ['chrome123', 'firefox120', 'safari17.5'], // light-dark() as written, not rewritten
      assetsInlineLimit: 0, // the content security policy forbids data: addresses
      modulePreload: { polyfill: false },
    },
    test: { environment: 'node', setupFiles: 'test-setup.js', include: ['src/**/*.test.ts', '*.test.js'] },
  };
});
