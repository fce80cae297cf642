import { defineConfig } from '@playwright/test';

/**
 * The page in Debian's Chromium. VHOST_CONFORMANCE_RUN names the directory of a real run in which a feature bit failed,
 * VHOST_CONFORMANCE_TARGETS that of a run of back-ends of others, VHOST_CONFORMANCE_COMPARED the page of a comparison
 * (scripts/test-report.sh makes them); without them only the page of a made-up run is looked at.
 */
const [realRun, targets, compared] = ['RUN', 'TARGETS', 'COMPARED'].map(
  (name) => process.env[`VHOST_CONFORMANCE_${name}`] ?? '',
);

/** Chromium refuses to sandbox a root user; the rest keeps it from calling home. */
const flags = [
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export default defineConfig({
  testDir: 'dist/reports/tests/browser',
  testMatch: '*.spec.js',
  outputDir: 'test-results',
  workers: 2,
  fullyParallel: true,
  forbidOnly: true,
  // Much longer than any test takes: the machine may be busy.
  timeout: 120_000,
  expect: { timeout: 60_000 },
  reporter: [['list']],
  use: { launchOptions: { executablePath: '/usr/bin/chromium', args: flags } },
  projects: [
    { name: 'sample', metadata: {}, testIgnore: 'targets.spec.js' },
    ...(realRun ? [{ name: 'real', metadata: { run: realRun }, testMatch: ['page.spec.js', 'colours.spec.js'] }] : []),
    ...(targets
      ? [
          {
            name: 'targets',
            metadata: { run: targets, compared },
            testMatch: ['targets', 'matrix', 'colours', 'accessible', 'questions', 'texts'].map(
              (name) => `${name}.spec.js`,
            ),
            // Of pages that are made up.
            grepInvert: /more than thirty targets|coverage page|last time/,
          },
        ]
      : []),
  ],
});
