/** Whether everything is tried, as `npm run test:nightly` does, or what fits beside a change. */
export const isNightly = process.env['VHOST_CONFORMANCE_NIGHTLY'] === '1';

/** What takes long and is like what is tried anyway: an option of a test that says why it is left out. */
export const nightly = { skip: isNightly ? false : 'npm run test:nightly tries it' };
