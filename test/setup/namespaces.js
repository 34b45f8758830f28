'use strict';

// Whether network namespaces can be made here, in which tests and benchmarks have interfaces of their own.

const { spawnSync } = require('node:child_process');

/** It takes Linux, root, and the commands unshare and ip. */
const canMakeNamespaces = process.platform === 'linux' && process.getuid() === 0 && spawnSync('unshare', ['-n', 'ip', 'link']).status === 0;

module.exports = { canMakeNamespaces };
