import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = import.meta.dirname;

// Text without regard to how a checkout ends its lines.
function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of files) {
    hash.update(file).update('\n').update(readFileSync(join(root, file), 'utf8').replaceAll('\r\n', '\n'));
  }
  return hash.digest('hex');
}

function filesUnder(folder) {
  return readdirSync(join(root, folder)).flatMap((name) => {
    const path = `${folder}/${name}`;
    return statSync(join(root, path)).isDirectory() ? filesUnder(path) : [path];
  });
}

// A test compares these with the checkout: whoever edits src/ without building, or dist/ by hand, hears of it.
function stamp(folder) {
  return {
    name: 'stamp',
    closeBundle() {
      const sources = ['index.html', 'package-lock.json', 'package.json', 'tsconfig.json', 'vite.config.js', ...filesUnder('public'), ...filesUnder('src')].sort();
      const built = filesUnder(folder).filter((file) => !file.endsWith('build.json')).sort();
      writeFileSync(join(root, folder, 'build.json'), JSON.stringify({ sources: hashOf(sources), built: hashOf(built) }, null, 2) + '\n');
    },
  };
}

export default {
  root,
  base: './',
  plugins: [stamp('dist')],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: false,
    emptyOutDir: true,
    rollupOptions: {
      output: {
        entryFileNames: 'dashboard/index.js',
        chunkFileNames: 'dashboard/[name].js',
        assetFileNames: 'dashboard/[name][extname]',
      },
    },
  },
  server: { proxy: { '/lorikeet': 'http://127.0.0.1:8000', '/v1': 'http://127.0.0.1:8000' } },
};
